# One image for jobs and for the app: jobs/rayjob.yaml, serve/rayservice.yaml.
#   docker build --tag REGISTRY/vvp:0.1.0 .
#   docker build --tag REGISTRY/vvp:0.1.0 --build-arg TORCH=cuda .
FROM python:3.12-slim

# wget: KubeRay's health probes call it. libgomp1: LightGBM needs it.
RUN apt-get update \
    && apt-get install -y --no-install-recommends wget libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/vvp
COPY requirements.lock ./

# cpu: PyTorch's own CPU build. cuda: the build that lies on PyPI, which brings its CUDA libraries; Whisper's
# library wants cuBLAS of CUDA 12 beside them.
ARG TORCH=cpu
RUN pip install --no-cache-dir uv \
    && if [ "$TORCH" = cpu ]; then \
         uv pip install --system --no-cache --torch-backend cpu --requirement requirements.lock; \
       elif [ "$TORCH" = cuda ]; then \
         uv pip install --system --no-cache --requirement requirements.lock nvidia-cublas-cu12; \
       else \
         echo "TORCH is cpu or cuda, not $TORCH" && exit 2; \
       fi

COPY pyproject.toml README.md ./
COPY vvp vvp
COPY jobs jobs
COPY serve serve
RUN pip install --no-cache-dir --no-deps --no-build-isolation . && vvp version

ENV TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1
CMD ["vvp", "--help"]
