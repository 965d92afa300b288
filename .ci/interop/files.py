"""files.py LIBRARY IN OUT CODEC: reads a container file and writes it again."""

import sys


def with_fastavro(source, target, codec):
    import fastavro

    with open(source, "rb") as f:
        reader = fastavro.reader(f, return_record_name=True, return_named_type=True)
        assert reader.metadata["origin"] == "typelog", reader.metadata
        rows = list(reader)
        schema = reader.writer_schema
    with open(target, "wb") as f:
        fastavro.writer(f, schema, rows, codec=codec)


def with_avro(source, target, codec):
    import avro.datafile
    import avro.io
    import avro.schema

    with avro.datafile.DataFileReader(open(source, "rb"), avro.io.DatumReader()) as reader:
        assert reader.get_meta("origin") == b"typelog"
        rows = list(reader)
        schema = avro.schema.parse(reader.schema)
    with avro.datafile.DataFileWriter(open(target, "wb"), avro.io.DatumWriter(), schema, codec=codec) as writer:
        for row in rows:
            writer.append(row)


library, source, target, codec = sys.argv[1:]
{"fastavro": with_fastavro, "avro": with_avro}[library](source, target, codec)
