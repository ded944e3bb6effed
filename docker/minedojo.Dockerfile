# vpt-gym with the real MineDojo: Java 8, and Xvfb as the display.
#   docker build -f docker/minedojo.Dockerfile -t vpt-gym-minedojo .
#   docker run --rm -it vpt-gym-minedojo vpt-gym doctor --minedojo
# Not built by the project's own tests, and no Minecraft has been started in it: see docs/envs/headless.md.
FROM python:3.11-slim-bookworm

# Debian has no Java 8; this is how Temurin's image is meant to be used in others.
ENV JAVA_HOME=/opt/java/openjdk PATH=/opt/java/openjdk/bin:$PATH
COPY --from=eclipse-temurin:8-jdk $JAVA_HOME $JAVA_HOME

# Mesa draws in software. xvfb-run comes with xvfb, and needs xauth.
RUN apt-get update && apt-get install -y --no-install-recommends \
        git xvfb xauth libgl1 libgl1-mesa-dri libglx-mesa0 libxrandr2 libxi6 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home player && mkdir /work && chown player /work
USER player
WORKDIR /work
ENV VIRTUAL_ENV=/home/player/venv PATH=/home/player/venv/bin:$PATH
RUN python -m venv "$VIRTUAL_ENV"
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN pip install --no-cache-dir torch==2.13.0 --index-url "$TORCH_INDEX"
COPY --chown=player . .
RUN pip install --no-cache-dir -c constraints.txt -e ".[train,minedojo]" \
    && pip install --no-cache-dir --no-deps minedojo==0.1

ENV MINEDOJO_HEADLESS=1
CMD ["vpt-gym", "doctor", "--minedojo"]
