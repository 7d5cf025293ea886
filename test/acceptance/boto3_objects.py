"""What programs do with objects by boto3: the transfer manager, presigned URLs, pages, batches. Prints one JSON line."""

import hashlib
import io
import json
import sys
import urllib.request
import ssl
import os

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

order = json.loads(sys.argv[1])
session = boto3.session.Session(
    aws_access_key_id=order["accessKeyId"], aws_secret_access_key=order["secretAccessKey"], region_name=order["region"]
)
s3 = session.client("s3", endpoint_url=order["endpoint"], config=Config(retries={"max_attempts": 1}))
bucket = order["bucket"]
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20, max_concurrency=4)
trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
said = {}


def code(work):
    try:
        work()
        return "done"
    except ClientError as error:
        return error.response["Error"]["Code"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


s3.create_bucket(Bucket=bucket)
s3.get_waiter("bucket_exists").wait(Bucket=bucket)

# The transfer manager: parts in parallel up, ranges in parallel down.
s3.upload_file(order["file"], bucket, "large.bin", Config=parts, ExtraArgs={"Metadata": {"made-by": "boto3"}})
back = io.BytesIO()
s3.download_fileobj(bucket, "large.bin", back, Config=parts)
said["large"] = sha256(back.getvalue())
head = s3.head_object(Bucket=bucket, Key="large.bin", ChecksumMode="ENABLED")
said["metadata"] = head["Metadata"]
said["checksumType"] = head.get("ChecksumType")
s3.copy({"Bucket": bucket, "Key": "large.bin"}, bucket, "copied.bin", Config=parts)
said["copied"] = sha256(s3.get_object(Bucket=bucket, Key="copied.bin")["Body"].read())
said["range"] = sha256(s3.get_object(Bucket=bucket, Key="large.bin", Range="bytes=5242870-5242889")["Body"].read())

# Presigned URLs, used by a program that knows no signatures: by Version 4, and by 2, which boto3 takes unless told.
v4 = session.client("s3", endpoint_url=order["endpoint"], config=Config(signature_version="s3v4"))
put = v4.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "presigned/ü &+.txt"}, ExpiresIn=60)
request = urllib.request.Request(put, data=b"by a link", method="PUT")
said["presignedPut"] = urllib.request.urlopen(request, context=trusted).status
get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "presigned/ü &+.txt"}, ExpiresIn=60)
said["presignedGet"] = urllib.request.urlopen(get, context=trusted).read().decode()

# Every checksum the client knows by itself, verified by it on the way back.
for algorithm in ("CRC32", "SHA1", "SHA256"):
    s3.put_object(Bucket=bucket, Key=f"sums/{algorithm}", Body=b"checked", ChecksumAlgorithm=algorithm)
    s3.get_object(Bucket=bucket, Key=f"sums/{algorithm}", ChecksumMode="ENABLED")["Body"].read()

# Conditions, pages with a delimiter, a batch of deletes.
said["secondCreate"] = code(lambda: s3.put_object(Bucket=bucket, Key="sums/SHA1", Body=b"x", IfNoneMatch="*"))
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
pages = list(pages)
said["keys"] = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
said["prefixes"] = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
everything = [{"Key": o.key} for o in session.resource("s3", endpoint_url=order["endpoint"]).Bucket(bucket).objects.all()]
said["deleted"] = len(s3.delete_objects(Bucket=bucket, Delete={"Objects": everything})["Deleted"])
s3.get_waiter("object_not_exists").wait(Bucket=bucket, Key="large.bin")
said["missing"] = code(lambda: s3.get_object(Bucket=bucket, Key="large.bin"))
s3.delete_bucket(Bucket=bucket)
print(json.dumps(said))
