"""data.py LIBRARY CASES ANSWERS: decodes each case's data, encodes them again, and prints them as JSON where it can."""

import io
import json
import sys
import warnings

warnings.simplefilter("ignore")  # about logical types that a library does not know


def standard(text):
    """The text if it is JSON as the standard has it, without Infinity and NaN; otherwise nothing."""

    def refuse(constant):
        raise ValueError(constant)

    try:
        json.loads(text, parse_constant=refuse)
        return text
    except ValueError:
        return ""


def fastavro_case(schema_text, data):
    import fastavro
    from fastavro import json_writer, parse_schema, schemaless_reader, schemaless_writer

    schema = parse_schema(json.loads(schema_text))
    encoded, texts = [], []
    for datum in data:
        stream = io.BytesIO(datum)
        value = schemaless_reader(stream, schema, None, return_record_name=True, return_named_type=True)
        assert stream.read() == b"", "bytes are left"
        out = io.BytesIO()
        schemaless_writer(out, schema, value)
        encoded.append(out.getvalue())
        text = io.StringIO()
        try:
            json_writer(text, schema, [value])
            texts.append(standard(text.getvalue()))
        except Exception:  # its JSON does not know recursive types, errors, empty records and nested empty maps
            texts.append("")
    return encoded, texts


def avro_case(schema_text, data):
    import avro.io
    import avro.schema

    schema = avro.schema.parse(schema_text)
    encoded = []
    for datum in data:
        stream = io.BytesIO(datum)
        value = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(stream))
        assert stream.read() == b"", "bytes are left"
        out = io.BytesIO()
        avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(out))
        encoded.append(out.getvalue())
    return encoded, None


def main():
    library, cases, answers = sys.argv[1:]
    run = {"fastavro": fastavro_case, "avro": avro_case}[library]
    out = []
    with open(cases, encoding="utf-8") as f:
        for case in json.load(f):
            answer = {"name": case["name"]}
            try:
                data, texts = run(case["schema"], [bytes.fromhex(d) for d in case["data"]])
                answer["data"] = [d.hex() for d in data]
                answer["json"] = texts
            except Exception as e:  # told to the caller, who knows what is expected
                answer["error"] = f"{type(e).__name__}: {e}"
            out.append(answer)
    with open(answers, "w", encoding="utf-8") as f:
        json.dump(out, f)


main()
