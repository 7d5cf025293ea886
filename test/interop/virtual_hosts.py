"""boto3 with `addressing_style: virtual`: buckets in the host of every request. Reads an order, prints what it saw."""

import json
import socket
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

order = json.load(sys.stdin)
resolve = socket.getaddrinfo


def below_localhost(host, *rest, **more):
    """Names below localhost are this machine; not every resolver knows."""
    return resolve('127.0.0.1' if str(host).endswith('.localhost') else host, *rest, **more)


socket.getaddrinfo = below_localhost
hosts = set()


def client(region='us-east-1', signature='s3v4'):
    made = boto3.client(
        's3',
        endpoint_url=order['endpoint'],
        region_name=region,
        aws_access_key_id=order['key'],
        aws_secret_access_key=order['secret'],
        config=Config(signature_version=signature, s3={'addressing_style': 'virtual'}, retries={'max_attempts': 1}),
    )
    made.meta.events.register('before-send.s3', lambda request, **_: hosts.add(request.url.split('/')[2]))
    return made


def code(work, **arguments):
    try:
        work(**arguments)
        return 'done'
    except ClientError as error:
        return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Code']}"


s3 = client()
bucket = 'by-boto.host'
s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket=bucket, Key='a/ü b+c~.txt', Body=b'hello')
s3.upload_fileobj(__import__('io').BytesIO(b'x' * 9_000_000), bucket, 'parts')
url = s3.generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'a/ü b+c~.txt'})
import urllib.request  # noqa: E402

control = boto3.client(
    's3control',
    endpoint_url=order['endpoint'],
    region_name='us-east-1',
    aws_access_key_id=order['key'],
    aws_secret_access_key=order['secret'],
)
control_hosts = set()
control.meta.events.register('before-send.s3-control', lambda request, **_: control_hosts.add(request.url.split('/')[2]))
resource = {'AccountId': order['account'], 'ResourceArn': f'arn:aws:s3:::{bucket}'}
control.tag_resource(**resource, Tags=[{'Key': 'a', 'Value': 'b'}])
tags = control.list_tags_for_resource(**resource)['Tags']

said = {
    'keys': [entry['Key'] for entry in s3.list_objects_v2(Bucket=bucket)['Contents']],
    'body': s3.get_object(Bucket=bucket, Key='a/ü b+c~.txt')['Body'].read().decode(),
    'size': s3.head_object(Bucket=bucket, Key='parts')['ContentLength'],
    'link': urllib.request.urlopen(url).read().decode(),
    'linkHost': url.split('/')[2],
    'oldLink': urllib.request.urlopen(
        client(signature='s3').generate_presigned_url('get_object', Params={'Bucket': bucket, 'Key': 'a/ü b+c~.txt'})
    )
    .read()
    .decode(),
    'region': code(client('eu-west-3').head_object, Bucket=bucket, Key='parts'),
    'regionOfList': code(client('eu-west-3').list_objects_v2, Bucket=bucket),
    'missing': code(s3.list_objects_v2, Bucket='no-such-bucket'),
    'tags': tags,
    'controlHosts': sorted(control_hosts),
    'hosts': sorted(hosts),
}
print(json.dumps(said))
