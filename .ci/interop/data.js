// data.js data CASES ANSWERS: decodes each case's data and encodes them again.
// data.js files IN OUT CODEC: reads a container file and writes it again.
'use strict';
const avro = require('avsc');
const fs = require('fs');

// Numbers of 64 bits do not fit JavaScript's own.
const long = avro.types.LongType.__with({
  fromBuffer: (buf) => buf.readBigInt64LE(),
  toBuffer: (n) => { const buf = Buffer.alloc(8); buf.writeBigInt64LE(n); return buf; },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (n) => typeof n === 'bigint',
  compare: (a, b) => (a === b ? 0 : a < b ? -1 : 1),
});
const typeHook = (schema) => (schema === 'long' || (schema && schema.type === 'long') ? long : undefined);
const options = { typeHook, wrapUnions: true };

function data(cases, answers) {
  const out = JSON.parse(fs.readFileSync(cases, 'utf8')).map(({ name, schema, data }) => {
    try {
      const type = avro.Type.forSchema(JSON.parse(schema), { ...options });
      return { name, data: data.map((d) => type.toBuffer(type.fromBuffer(Buffer.from(d, 'hex'))).toString('hex')) };
    } catch (e) {
      return { name, error: `${e.name}: ${e.message}` };
    }
  });
  fs.writeFileSync(answers, JSON.stringify(out));
}

function files(source, target, codec) {
  let encoder;
  const decoder = avro.createFileDecoder(source, { parseHook: (schema) => avro.Type.forSchema(schema, { ...options }) });
  decoder
    .on('metadata', (type, used, header) => {
      if (header.meta.origin.toString() !== 'typelog') throw new Error('the metadata is lost');
      encoder = avro.createFileEncoder(target, type, { codec });
    })
    .on('data', (value) => encoder.write(value))
    .on('end', () => encoder.end())
    .on('error', (e) => { throw e; });
}

const [, , what, ...args] = process.argv;
({ data, files })[what](...args);
