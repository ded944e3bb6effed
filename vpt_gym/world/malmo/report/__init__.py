"""What the server reports to a client with every picture: the info, with statistics and lidar rays."""
