"""clients.py produce|consume BOOTSTRAP REGISTRY DIR: Confluent's client against a running typelog.

produce sends records to the topic to-go, with schemas named in prefixes and in headers, and tries two that must be refused.
consume reads COUNT records of the topic to-python and writes them to DIR/read.json.
"""

import json
import sys

from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

what, bootstrap, registry_url, directory = sys.argv[1:5]
registry = SchemaRegistryClient({"url": registry_url})


def text(name):
    with open(f"{directory}/{name}", encoding="utf-8") as f:
        return f.read()


def order(number):
    return {"number": number, "customer": f"customer {number} é", "note": None if number % 2 else "a note", "status": "PAID"}


def produce():
    topic = "to-go"
    failures, stored = [], []

    def told(error, message):
        (failures if error else stored).append(error or message)

    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})

    def send(number, key_serializer, value_serializer, value):
        headers = []
        key = key_serializer({"tenant": "acme", "number": number}, SerializationContext(topic, MessageField.KEY, headers))
        data = value_serializer(value, SerializationContext(topic, MessageField.VALUE, headers)) if value else None
        producer.produce(topic, key=key, value=data, headers=headers, on_delivery=told)

    def serializers(**conf):
        return (
            AvroSerializer(registry, text("key.avsc"), conf=conf),
            AvroSerializer(registry, text("order.avsc"), conf=conf),
        )

    number = 0
    for conf in (
        {"schema.id.serializer": prefix_schema_id_serializer},
        {"schema.id.serializer": header_schema_id_serializer},
        {"auto.register.schemas": False},
        {"auto.register.schemas": False, "use.latest.version": True},
        {"normalize.schemas": True},
    ):
        keys, values = serializers(**conf)
        for _ in range(10):
            send(number, keys, values, order(number))
            number += 1
    keys, _ = serializers()
    registry.register_schema("status", Schema(text("status.avsc"), "AVRO"))
    with_reference = Schema(text("referring.avsc"), "AVRO", [SchemaReference("typelog.shop.Status", "status", 1)])
    values = AvroSerializer(registry, with_reference)
    send(number, keys, values, order(number))
    send(number + 1, keys, values, None)
    producer.flush(30)
    assert not failures and len(stored) == number + 2, (failures, len(stored))

    good = stored[0].value()
    for bad in (b"no prefix", good[:-1]):
        producer.produce(topic, value=bad, on_delivery=told)
        producer.flush(30)
        refusal = failures.pop() if failures else None
        assert refusal is not None and refusal.code() == KafkaError.INVALID_RECORD, (bad, refusal)
        producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})


def consume(count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "python", "auto.offset.reset": "earliest"})
    consumer.subscribe(["to-python"])
    keys, values = AvroDeserializer(registry), AvroDeserializer(registry)
    read = []
    while len(read) < count:
        message = consumer.poll(30)
        assert message is not None and not message.error(), message and message.error()
        read.append(
            {
                "key": keys(message.key(), SerializationContext(message.topic(), MessageField.KEY, message.headers())),
                "value": values(message.value(), SerializationContext(message.topic(), MessageField.VALUE, message.headers())),
            }
        )
    consumer.close()
    with open(f"{directory}/read.json", "w", encoding="utf-8") as f:
        json.dump(read, f)


if what == "produce":
    produce()
else:
    consume(int(sys.argv[5]))
