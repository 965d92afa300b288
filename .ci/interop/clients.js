// clients.js produce|consume BOOTSTRAP REGISTRY DIR COUNT: KafkaJS with its registry client against a running typelog.
//
// produce sends COUNT records to the topic js-to-go, the last with a null value; consume reads COUNT records of the topic go-to-js and
// writes them to DIR/read.json.
'use strict';
const fs = require('fs');
const { Kafka, logLevel } = require('kafkajs');
const { SchemaRegistry, SchemaType } = require('@kafkajs/confluent-schema-registry');

const [, , what, bootstrap, url, dir, count] = process.argv;
const n = Number(count);
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR });
const registry = new SchemaRegistry({ host: url });

const order = (number) => ({
  number,
  customer: `customer ${number} é`,
  note: number % 2 ? null : 'a note',
  status: 'PAID',
});

async function register(part, file) {
  const schema = fs.readFileSync(`${dir}/${file}`, 'utf8');
  const { id } = await registry.register({ type: SchemaType.AVRO, schema }, { subject: `js-to-go-${part}` });
  return id;
}

async function produce() {
  const [key, value] = [await register('key', 'key.avsc'), await register('value', 'order.avsc')];
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  for (let i = 0; i < n; i++) {
    await producer.send({
      topic: 'js-to-go',
      messages: [{
        key: await registry.encode(key, { tenant: 'acme', number: i }),
        value: i < n - 1 ? await registry.encode(value, order(i)) : null,
      }],
    });
  }
  await producer.disconnect();
}

async function consume() {
  const consumer = kafka.consumer({ groupId: 'kafkajs' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'go-to-js', fromBeginning: true });
  const read = [];
  await new Promise((done, failed) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => failed(payload.error));
    consumer.run({
      eachMessage: async ({ message }) => {
        read.push({ key: await registry.decode(message.key), value: await registry.decode(message.value) });
        if (read.length === n) done();
      },
    }).catch(failed);
  });
  await consumer.disconnect();
  fs.writeFileSync(`${dir}/read.json`, JSON.stringify(read));
}

({ produce, consume })[what]().catch((e) => {
  console.error(e);
  process.exit(1);
});
