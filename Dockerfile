# One image for web server, workers, scheduler and metrics; the command says which (see compose.yaml).
FROM python:3.12-slim-bookworm AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /app
COPY pyproject.toml requirements.lock ./
# What the product itself needs, without embedded servers and tools, in the lock file's versions and with its hashes.
RUN awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements.lock > uv.lock \
 && pip install --no-cache-dir --require-hashes -r uv.lock \
 && uv venv /venv \
 && uv pip install --python /venv/bin/python --require-hashes -r pyproject.toml -c requirements.lock

FROM python:3.12-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=config.settings STATIC_ROOT=/app/build/static FILES_ROOT=/files \
    PROMETHEUS_MULTIPROC_DIR=/metrics
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin tallydesk \
 && install -d -o tallydesk -g tallydesk -m 0700 /files /metrics
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py pyproject.toml ./
COPY config config
COPY demo demo
COPY billing billing
COPY ui ui
COPY usage usage
COPY reports reports
COPY jobs jobs
COPY templates templates
# Nothing is connected to: the addresses only have to be there, and the key signs nothing.
RUN SECRET_KEY=build DATABASE_URL=postgres://build@localhost/build REDIS_URL=redis://localhost/0 \
    python manage.py collectstatic --noinput --verbosity 0
USER tallydesk
VOLUME /files /metrics
EXPOSE 8000
CMD ["gunicorn", "--config", "python:config.gunicorn", "--bind", "0.0.0.0:8000", "config.wsgi:application"]
