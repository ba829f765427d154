"""The programs that are compared, each at its best documented settings."""

import json
import os
import shutil

KEY, SECRET = "benchkey", "benchsecret"


def clean_environment():
    """No settings of this machine for any S3 client, and no proxies."""
    prefixes = ("AWS_", "RCLONE_", "MINIO_")
    is_foreign = lambda name: name.startswith(prefixes) or name.lower().endswith("_proxy")
    return {name: value for name, value in os.environ.items() if not is_foreign(name)}


class Client:
    """A program. `command` copies all that differs from a bucket to another one of the store, and `between` to a bucket
    of another store, with the `environment` of both stores."""

    name = ""
    # Whether it copies the bytes through itself; others let the store copy.
    copies = True

    def __init__(self, program, folder):
        self.program, self.folder, self.runs = program, folder, 0

    def command(self, store, source, destination):
        return self.between(store, source, store, destination)

    def between(self, from_store, source, to_store, destination):
        raise NotImplementedError(f"{self.name} does not copy between two stores")

    def environment(self, _from_store, _to_store):
        return clean_environment()


class Flotilla(Client):
    def __init__(self, name, program, folder):
        super().__init__(program, folder)
        self.name = name
        (folder / "keys.json").write_text(json.dumps({"access_key_id": KEY, "secret_access_key": SECRET}))

    def between(self, from_store, source, to_store, destination):
        self.runs += 1
        keys = f"file:{self.folder / 'keys.json'}"
        # A fresh state: its database is part of what is measured.
        return [self.program, "sync", f"s3://{source}", f"s3://{destination}",
                "--source-endpoint-url", from_store.endpoint, "--destination-endpoint-url", to_store.endpoint,
                "--source-region", "us-east-1", "--destination-region", "us-east-1",
                "--source-credentials", keys, "--destination-credentials", keys,
                # Two locations of one service: the bytes would not come this way.
                "--no-server-side-copy",
                "--state", self.folder / f"state-{self.name}-{self.runs}"]


class Rclone(Client):
    name = "rclone"

    # As many transfers as the others; one listing instead of one for each folder; no request for the bucket, and no
    # HEAD of each object after it was written; parts of an object at once.
    FLAGS = ["--transfers", "32", "--checkers", "32", "--fast-list", "--s3-no-check-bucket", "--s3-no-head",
             "--s3-upload-concurrency", "8", "--s3-chunk-size", "16Mi", "--retries", "1", "--use-server-modtime",
             "--server-side-across-configs=false", "--quiet"]

    def between(self, _from_store, source, _to_store, destination):
        return [self.program, "copy", f"source:{source}", f"destination:{destination}", *self.FLAGS]

    def environment(self, from_store, to_store):
        env = clean_environment() | {"RCLONE_CONFIG": str(self.folder / "rclone.conf")}
        for remote, store in (("SOURCE", from_store), ("DESTINATION", to_store)):
            settings = {"type": "s3", "provider": "Other", "endpoint": store.endpoint, "region": "us-east-1",
                        "access_key_id": KEY, "secret_access_key": SECRET}
            env |= {f"RCLONE_CONFIG_{remote}_{name.upper()}": value for name, value in settings.items()}
        return env


class Juicefs(Client):
    name = "juicefs"

    # minio: means S3 in path style over plain HTTP. Its metrics get any free port.
    def between(self, from_store, source, to_store, destination):
        sides = ((from_store, source), (to_store, destination))
        addresses = [f"minio://{KEY}:{SECRET}@{store.host}/{bucket}/" for store, bucket in sides]
        return [self.program, "sync", *addresses, "--threads", "32", "--metrics", "127.0.0.1:0"]

    def environment(self, _from_store, _to_store):
        return clean_environment() | {"HOME": str(self.folder)}


class S5cmd(Client):
    name = "s5cmd"
    # It has one endpoint for both sides, and only asks the store to copy.
    copies = False

    def command(self, store, source, destination):
        return [self.program, "--endpoint-url", store.endpoint, "--log", "error", "sync", "--size-only",
                f"s3://{source}/*", f"s3://{destination}/"]

    def environment(self, _from_store, _to_store):
        return clean_environment() | {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
                                      "AWS_REGION": "us-east-1"}


class S3sync(Client):
    name = "s3sync"

    def between(self, from_store, source, to_store, destination):
        sides = []
        for side, store in (("source", from_store), ("target", to_store)):
            sides += [f"--{side}-endpoint-url", store.endpoint, f"--{side}-access-key", KEY,
                      f"--{side}-secret-access-key", SECRET, f"--{side}-region", "us-east-1",
                      f"--{side}-force-path-style"]
        return [self.program, "--worker-size", "32", *sides, f"s3://{source}", f"s3://{destination}"]


PEERS = [Rclone, Juicefs, S5cmd, S3sync]


def peers(folder, path):
    """The peers on this search path."""
    found = ((peer, shutil.which(peer.name, path=path)) for peer in PEERS)
    return [peer(program, folder) for peer, program in found if program]
