"""Objects by bucket and key: from S3 where boto3 is installed, else from a folder named by S3_LOCAL_ROOT."""

import os


class Bucket:
    def __init__(self, name):
        self.name = name
        self.root = os.environ.get("S3_LOCAL_ROOT")
        self.client = None
        if not self.root:
            import boto3

            self.client = boto3.client("s3")

    def list(self, prefix):
        if self.client:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            return [item["Key"] for page in pages for item in page.get("Contents", [])]
        base = os.path.join(self.root, self.name)
        found = []
        for folder, _, files in os.walk(os.path.join(base, prefix)):
            found += [os.path.relpath(os.path.join(folder, name), base) for name in files]
        return sorted(found)

    def get(self, key):
        if self.client:
            return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        try:
            with open(os.path.join(self.root, self.name, key), "rb") as f:
                return f.read()
        except FileNotFoundError as e:
            raise KeyError("NoSuchKey: " + key) from e

    def put(self, key, body):
        if self.client:
            self.client.put_object(Bucket=self.name, Key=key, Body=body)
            return
        path = os.path.join(self.root, self.name, key)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(body)
