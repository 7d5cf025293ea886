"""Batch jobs by boto3: makes one, confirms it, reads its report. Prints what it found as JSON."""

import json
import socket
import sys
import time

import boto3
from botocore.config import Config

order = json.load(sys.stdin)
resolve = socket.getaddrinfo


def here(host, *rest, **named):
    """The client puts the account before the host's name, which not every resolver knows."""
    return resolve("127.0.0.1" if host.endswith("localhost") else host, *rest, **named)


socket.getaddrinfo = here
endpoint = order["endpoint"]
account = "000000000001"
options = {
    "endpoint_url": endpoint,
    "region_name": "us-east-1",
    "aws_access_key_id": order["key"],
    "aws_secret_access_key": order["secret"],
}
s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}), **options)
iam = boto3.client("iam", **options)
control = boto3.client("s3control", **options)


def policy(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


trust = policy(Principal={"Service": "batchoperations.s3.amazonaws.com"}, Action="sts:AssumeRole")
role = iam.create_role(RoleName="batch", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
iam.put_role_policy(RoleName="batch", PolicyName="p", PolicyDocument=policy(Action="s3:*", Resource="*"))
bucket = "by-boto"
s3.create_bucket(Bucket=bucket)
for key in ("a b", "c"):
    s3.put_object(Bucket=bucket, Key=key, Body=b"x")
listed = s3.put_object(Bucket=bucket, Key="list.csv", Body=f"{bucket},a%20b\n{bucket},c\n".encode())
job = control.create_job(
    AccountId=account,
    ConfirmationRequired=True,
    Operation={"S3PutObjectTagging": {"TagSet": [{"Key": "by", "Value": "boto3"}]}},
    Manifest={
        "Spec": {"Format": "S3BatchOperations_CSV_20180820", "Fields": ["Bucket", "Key"]},
        "Location": {"ObjectArn": f"arn:aws:s3:::{bucket}/list.csv", "ETag": listed["ETag"].strip('"')},
    },
    Report={
        "Enabled": True,
        "Bucket": f"arn:aws:s3:::{bucket}",
        "Format": "Report_CSV_20180820",
        "Prefix": "reports",
        "ReportScope": "AllTasks",
    },
    Priority=1,
    RoleArn=role,
    ClientRequestToken="once",
)["JobId"]


def reach(status):
    for _ in range(600):
        found = control.describe_job(AccountId=account, JobId=job)["Job"]
        if found["Status"] == status:
            return found
        time.sleep(0.05)
    raise SystemExit(f"the job is {found['Status']}, not {status}")


reach("Suspended")
control.update_job_status(AccountId=account, JobId=job, RequestedJobStatus="Ready")
done = reach("Complete")
manifest = json.loads(s3.get_object(Bucket=bucket, Key=f"reports/job-{job}/manifest.json")["Body"].read())
point = control.create_access_point(AccountId=account, Name="boto-door", Bucket=bucket)["Alias"]
print(
    json.dumps(
        {
            "progress": [
                done["ProgressSummary"][name]
                for name in ("TotalNumberOfTasks", "NumberOfTasksSucceeded", "NumberOfTasksFailed")
            ],
            "tags": s3.get_object_tagging(Bucket=bucket, Key="a b")["TagSet"],
            "format": manifest["Format"],
            "listed": [entry["JobId"] == job for entry in control.list_jobs(AccountId=account)["Jobs"]],
            "throughPoint": s3.get_object(Bucket=point, Key="c")["Body"].read().decode(),
        }
    )
)
