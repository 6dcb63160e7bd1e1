#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the log of a volume as it lies in the bucket, byte by byte.

    bucket_log.py URL SEEN

The commits log/1, log/2, ... are there without a gap, each names its own number
and the SHA-256 of the one before, epochs never fall, and a commit that was seen
by an earlier call (SEEN, a file that grows) still has the same bytes: nobody
overwrote it. URL: file:///path, or s3://bucket/prefix with AWS_ENDPOINT_URL,
AWS_REGION and keys in the environment. Prints the number of commits and epochs.
"""
import datetime
import hashlib
import hmac
import os
import re
import struct
import sys
import urllib.parse
import urllib.request


class Directory:
    def __init__(self, path):
        self.path = path

    def list(self, prefix):
        folder = os.path.join(self.path, prefix)
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def get(self, key):
        with open(os.path.join(self.path, key), "rb") as file:
            return file.read()


class Bucket:
    def __init__(self, bucket, prefix):
        self.bucket, self.prefix = bucket, prefix
        self.endpoint = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])

    def request(self, path, query):
        """A signed GET (SigV4)."""
        now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/{os.environ['AWS_REGION']}/s3/aws4_request"
        empty = hashlib.sha256(b"").hexdigest()
        text = urllib.parse.urlencode(sorted(query.items()), quote_via=urllib.parse.quote, safe="")
        canonical = (f"GET\n{path}\n{text}\nhost:{self.endpoint.netloc}\n"
                     f"x-amz-content-sha256:{empty}\nx-amz-date:{now}\n\n"
                     f"host;x-amz-content-sha256;x-amz-date\n{empty}")
        to_sign = "\n".join(["AWS4-HMAC-SHA256", now, scope,
                             hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"]).encode()
        for part in [*scope.split("/"), to_sign]:
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        headers = {"x-amz-content-sha256": empty, "x-amz-date": now,
                   "Authorization": f"AWS4-HMAC-SHA256 Credential={os.environ['AWS_ACCESS_KEY_ID']}/"
                                    f"{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
                                    f"Signature={key.hex()}"}
        url = f"{self.endpoint.scheme}://{self.endpoint.netloc}{path}" + ("?" + text if text else "")
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return answer.read()

    def list(self, prefix):
        names, after = [], ""
        while True:
            page = self.request(f"/{self.bucket}", {"list-type": "2", "start-after": after,
                                                    "prefix": f"{self.prefix}/{prefix}"}).decode()
            keys = re.findall(r"<Key>([^<]*)</Key>", page)
            names += [key.rsplit("/", 1)[1] for key in keys]
            if "<IsTruncated>true" not in page:
                return names
            after = keys[-1]

    def get(self, key):
        return self.request(f"/{self.bucket}/{self.prefix}/{key}", {})


def open_url(url):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "file":
        return Directory(parts.path)
    return Bucket(parts.netloc, parts.path.strip("/"))


def main(url, seen_path):
    store = open_url(url)
    seen = {}
    if os.path.exists(seen_path):
        with open(seen_path, encoding="ascii") as file:
            seen = dict(line.split() for line in file)
    previous, last_epoch, commits = bytes(32), 0, 0
    epochs = set()
    for name in store.list("log/"):
        data = store.get("log/" + name)
        epoch, seq = struct.unpack_from("<QQ", data, 32)
        commits += 1
        assert data[:8] == b"DRAYLOG\0" and seq == commits == int(name, 16), f"log/{name}: number"
        assert data[48:80] == previous, f"log/{name} does not continue the one before"
        assert epoch >= last_epoch, f"log/{name}: epoch {epoch} after {last_epoch}"
        previous, last_epoch = hashlib.sha256(data).digest(), epoch
        epochs.add(epoch)
        assert seen.get(name, previous.hex()) == previous.hex(), f"log/{name} was overwritten"
        seen[name] = previous.hex()
    assert commits == len(seen), "commits that were seen are gone"
    with open(seen_path, "w", encoding="ascii") as file:
        file.writelines(f"{name} {digest}\n" for name, digest in seen.items())
    print(f"{commits} commits of {len(epochs)} epochs")


if __name__ == "__main__":
    main(*sys.argv[1:])
