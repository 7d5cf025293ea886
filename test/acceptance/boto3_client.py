"""What a data engineer does with boto3: S3, Glue and Athena of one endpoint. Prints what came back as one JSON line."""

import hashlib
import json
import sys
import time

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

order = json.loads(sys.argv[1])


def client(service):
    return boto3.client(
        service,
        endpoint_url=order["endpoint"],
        region_name=order["region"],
        aws_access_key_id=order["accessKeyId"],
        aws_secret_access_key=order["secretAccessKey"],
        config=Config(retries={"max_attempts": 1}),
    )


def query(sql):
    athena = client("athena")
    started = athena.start_query_execution(QueryString=sql, QueryExecutionContext={"Database": "curated"})
    while True:
        execution = athena.get_query_execution(QueryExecutionId=started["QueryExecutionId"])["QueryExecution"]
        if execution["Status"]["State"] in ("SUCCEEDED", "FAILED", "CANCELLED"):
            break
        time.sleep(0.05)
    if execution["Status"]["State"] != "SUCCEEDED":
        return {"failed": execution["Status"].get("StateChangeReason")}
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=started["QueryExecutionId"])
    return [[cell.get("VarCharValue") for cell in row["Data"]] for page in pages for row in page["ResultSet"]["Rows"]]


def attempt(work):
    try:
        work()
        return "allowed"
    except ClientError as error:
        return error.response["Error"]["Code"]


def transfer():
    s3 = client("s3")
    s3.put_object(Bucket="raw", Key="boto3/small.txt", Body=b"small")
    s3.upload_file(
        order["file"], "raw", "boto3/large.bin", Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    )
    body = s3.get_object(Bucket="raw", Key="boto3/large.bin")["Body"]
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(1 << 20):
        digest.update(chunk)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="raw", Prefix="boto3/", PaginationConfig={"PageSize": 1})
    return {
        "small": s3.get_object(Bucket="raw", Key="boto3/small.txt")["Body"].read().decode(),
        "sha256": digest.hexdigest(),
        "etag": s3.head_object(Bucket="raw", Key="boto3/large.bin")["ETag"],
        "keys": [entry["Key"] for page in pages for entry in page["Contents"]],
        "missing": attempt(lambda: s3.get_object(Bucket="raw", Key="boto3/none")),
    }


answer = {
    "rows": query(order["sql"]),
    "dataFile": attempt(lambda: client("s3").get_object(Bucket="curated", Key=order["dataFile"])["Body"].read()),
}
if "file" in order:
    answer["s3"] = transfer()
    tables = client("glue").get_paginator("get_tables").paginate(DatabaseName="curated")
    answer["tables"] = [table["Name"] for page in tables for table in page["TableList"]]
    answer["caller"] = client("sts").get_caller_identity()["Arn"]
print(json.dumps(answer))
