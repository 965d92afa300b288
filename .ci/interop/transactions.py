"""transactions.py BOOTSTRAP: librdkafka's transactions against a running typelog.

A consumer copies the topic txn-python-in to txn-python-out within transactions, commits what it has read with them, and aborts
one; a second producer then fences the first. At the end every record is in the copy once.
"""

import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap = sys.argv[1]
source, target, group = "txn-python-in", "txn-python-out", "txn-python"
count, batch = 60, 20

admin = AdminClient({"bootstrap.servers": bootstrap})
for made in admin.create_topics([NewTopic(source, 1, 1), NewTopic(target, 2, 1)]).values():
    made.result(30)
plain = Producer({"bootstrap.servers": bootstrap})
for i in range(count):
    plain.produce(source, value=str(i))
assert plain.flush(30) == 0


def transactional():
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "python"})
    producer.init_transactions(30)
    return producer


def reader(topic, **more):
    consumer = Consumer({"bootstrap.servers": bootstrap, "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed", "enable.partition.eof": True, **more})
    consumer.subscribe([topic])
    return consumer


def drain(consumer, partitions):
    """What is there, up to the end of each partition."""
    values, ended = [], set()
    while len(ended) < partitions:
        message = consumer.poll(30)
        assert message is not None, "nothing came within 30 s"
        if message.error():
            assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
            ended.add(message.partition())
        else:
            values.append(message.value().decode())
    return values


producer = transactional()
consumer = reader(source, **{"group.id": group})
copied, attempt = 0, 0
while copied < count:
    attempt += 1
    producer.begin_transaction()
    for _ in range(batch):
        message = None
        while message is None or message.error():
            message = consumer.poll(30)
            assert message is not None, "nothing came within 30 s"
        producer.produce(target, value=message.value())
    producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30)
    if attempt == 2:
        producer.flush(30)  # otherwise they would not be sent at all
        producer.abort_transaction(30)
        consumer.seek(TopicPartition(source, 0, copied))
        continue
    producer.commit_transaction(30)
    copied += batch
consumer.close()

producer.begin_transaction()
producer.produce(target, value="zombie")
producer.flush(30)
heir = transactional()
heir.begin_transaction()
heir.produce(target, value="heir")
heir.commit_transaction(30)
try:
    producer.commit_transaction(30)
    raise SystemExit("a producer that was fenced committed")
except KafkaException as e:
    assert e.args[0].fatal(), e

again = reader(source, **{"group.id": group})
assert drain(again, 1) == [], "the group begins anew, although its transactions committed offsets"
again.close()
last = reader(target, **{"group.id": group + "-check"})
got = drain(last, 2)
last.close()
assert sorted(got) == sorted([str(i) for i in range(count)] + ["heir"]), got
uncommitted = reader(target, **{"group.id": group + "-all", "isolation.level": "read_uncommitted"})
assert len(drain(uncommitted, 2)) == count + batch + 2
uncommitted.close()
