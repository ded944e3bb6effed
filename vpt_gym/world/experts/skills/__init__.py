"""Skills of a scripted player: digging blocks, tunnelling, chasing, placing tables, using screens, taking shelter."""
