# vpt-gym with the embedded world: no Java, no display, no GPU.
#   docker build -f docker/embedded.Dockerfile -t vpt-gym .
#   docker run --rm -it -v "$PWD/runs:/work/runs" vpt-gym python examples/end_to_end.py --preset quick
# Not built by the project's own tests: they run without Docker.
FROM python:3.11-slim-bookworm

# The CPU build of PyTorch. For CUDA, build with --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu126
# and run with --gpus all.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch==2.13.0 --index-url "$TORCH_INDEX"

RUN useradd --create-home player
WORKDIR /work
COPY . .
RUN pip install --no-cache-dir -c constraints.txt -e ".[train]" && mkdir -p runs && chown -R player /work
USER player

# Compile the world's kernels now (20 seconds), not in each new container.
ENV NUMBA_CACHE_DIR=/home/player/.cache/numba
RUN python -c "import gymnasium as gym, vpt_gym; gym.make('vpt_gym/Harvest1Log-v0').reset(seed=0)"

CMD ["vpt-gym", "doctor"]
