"""What boto3 does with keys: KMS, and S3 with SSE-KMS and SSE-C. Prints what came back as one JSON line."""

import json
import os
import sys
from io import BytesIO

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

order = json.loads(sys.argv[1])
bucket = order["bucket"]


def client(service):
    return boto3.client(
        service,
        endpoint_url=order["endpoint"],
        region_name=order["region"],
        aws_access_key_id=order["accessKeyId"],
        aws_secret_access_key=order["secretAccessKey"],
        config=Config(retries={"max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def refusal(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return None


kms = client("kms")
s3 = client("s3")
answer = {}

key = kms.create_key(Description="boto3")["KeyMetadata"]
kms.create_alias(AliasName="alias/boto3", TargetKeyId=key["KeyId"])
sealed = kms.encrypt(KeyId="alias/boto3", Plaintext=b"quiet", EncryptionContext={"a": "b"})["CiphertextBlob"]
answer["decrypted"] = kms.decrypt(CiphertextBlob=sealed, EncryptionContext={"a": "b"})["Plaintext"].decode()
answer["wrongContext"] = refusal(kms.decrypt, CiphertextBlob=sealed)
kms.disable_key(KeyId=key["KeyId"])
answer["disabled"] = refusal(kms.decrypt, CiphertextBlob=sealed, EncryptionContext={"a": "b"})
kms.enable_key(KeyId=key["KeyId"])
pages = kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 1})
answer["aliases"] = [a["AliasName"] for page in pages for a in page["Aliases"] if not a["AliasName"].startswith("alias/aws/")]
signer = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
signed = kms.sign(KeyId=signer, Message=b"deed", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
answer["verified"] = kms.verify(KeyId=signer, Message=b"deed", Signature=signed, SigningAlgorithm="ECDSA_SHA_256")["SignatureValid"]

s3.put_object(Bucket=bucket, Key="boto3/kms", Body=b"body", ServerSideEncryption="aws:kms", SSEKMSKeyId=key["Arn"])
read = s3.get_object(Bucket=bucket, Key="boto3/kms")
answer["kms"] = [read["ServerSideEncryption"], read["Body"].read() == b"body"]

customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}
s3.put_object(Bucket=bucket, Key="boto3/customer", Body=b"body", **customer)
read = s3.get_object(Bucket=bucket, Key="boto3/customer", **customer)
answer["customer"] = [read["SSECustomerAlgorithm"], read["Body"].read() == b"body"]
answer["withoutKey"] = refusal(s3.head_object, Bucket=bucket, Key="boto3/customer")

large = os.urandom(13 * 1024 * 1024)
transfer = TransferConfig(multipart_threshold=5 * 1024 * 1024, multipart_chunksize=5 * 1024 * 1024, max_concurrency=4)
s3.upload_fileobj(BytesIO(large), bucket, "boto3/large", ExtraArgs=customer, Config=transfer)
back = BytesIO()
s3.download_fileobj(bucket, "boto3/large", back, ExtraArgs=customer, Config=transfer)
answer["large"] = back.getvalue() == large

print(json.dumps(answer))
