"""The serialisers of aws-glue-schema-registry, stock, over the Glue door.

stdin: {"endpoint", "region", "key", "secret", "registry"}; stdout: what went round, by the name of each case.
"""
import json
import sys
import zlib
from uuid import UUID

import boto3
from aws_schema_registry import DataAndSchema, KafkaDeserializer, KafkaSerializer, SchemaRegistryClient
from aws_schema_registry.avro import AvroSchema
from aws_schema_registry.exception import SchemaRegistryException
from aws_schema_registry.jsonschema import JsonSchema

request = json.load(sys.stdin)
glue = boto3.client(
    "glue",
    endpoint_url=request["endpoint"],
    region_name=request["region"],
    aws_access_key_id=request["key"],
    aws_secret_access_key=request["secret"],
)
glue.create_registry(RegistryName=request["registry"])


def client():
    # A new one for each: it keeps what it has read.
    return SchemaRegistryClient(glue, registry_name=request["registry"])


def avro(*fields):
    return AvroSchema({"type": "record", "name": "Order", "fields": list(fields)})


ID = {"name": "id", "type": "long"}
NOTE = {"name": "note", "type": "string", "default": ""}
PRICE = {"name": "price", "type": "double"}
PERSON = JsonSchema(
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }
)


def write(topic, data, schema):
    return KafkaSerializer(client()).serialize(topic, DataAndSchema(data, schema))


def read(topic, encoded):
    data, schema = KafkaDeserializer(client()).deserialize(topic, encoded)
    return [data, schema.data_format]


first = write("orders", {"id": 7}, avro(ID))
again = write("orders", {"id": 8}, avro(ID))
second = write("orders", {"id": 9, "note": "ä"}, avro(ID, NOTE))
person = write("people", {"name": "Ada"}, PERSON)
try:
    write("orders", {"id": 1, "price": 1.0}, avro(ID, PRICE))
    refused = "taken"
except SchemaRegistryException as error:
    refused = str(error)
header, packed = first[:18], first[18:]
print(
    json.dumps(
        {
            "header": [first[0], first[1], len(first) > 18],
            "version": glue.get_schema_version(SchemaVersionId=str(UUID(bytes=first[2:18])))["VersionNumber"],
            "same": first[:18] == again[:18],
            "next": first[:18] != second[:18],
            "read": [read("orders", first), read("orders", second), read("people", person)],
            # What a producer with compression sends: the second byte says so.
            "compressed": read("orders", bytes([first[0], 5]) + first[2:18] + zlib.compress(packed)),
            "refused": refused,
        }
    )
)
