import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.util.HexFormat;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.Encoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;

/**
 * Interop data CASES ANSWERS: decodes each case's data, with and without Java's types for logical types, and encodes them again.
 * Interop messages CASES ANSWERS: the same in single-object encoding. Interop files IN OUT CODEC: reads a container file and writes
 * it again.
 */
public class Interop {
  static final HexFormat HEX = HexFormat.of();

  public static void main(String[] args) throws Exception {
    switch (args[0]) {
      case "data" -> cases(args[1], args[2], Interop::data);
      case "messages" -> cases(args[1], args[2], Interop::messages);
      default -> files(args[1], args[2], args[3]);
    }
  }

  interface Case {
    void run(Schema schema, byte[] datum, ArrayNode data, ArrayNode json) throws Exception;
  }

  static void cases(String in, String out, Case run) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    ArrayNode answers = mapper.createArrayNode();
    for (var c : mapper.readTree(new File(in))) {
      ObjectNode answer = answers.addObject();
      answer.set("name", c.get("name"));
      try {
        Schema schema = new Schema.Parser().parse(c.get("schema").asText());
        ArrayNode data = mapper.createArrayNode();
        ArrayNode json = mapper.createArrayNode();
        for (var datum : c.get("data")) {
          run.run(schema, HEX.parseHex(datum.asText()), data, json);
        }
        answer.set("data", data);
        if (json.size() > 0) {
          answer.set("json", json);
        }
      } catch (Exception | StackOverflowError e) {
        answer.put("error", e.toString());
      }
    }
    mapper.writeValue(new File(out), answers);
  }

  /** The model with Java's own types for logical types. */
  static GenericData converting() {
    GenericData model = new GenericData();
    model.addLogicalTypeConversion(new Conversions.DecimalConversion());
    model.addLogicalTypeConversion(new Conversions.BigDecimalConversion());
    model.addLogicalTypeConversion(new Conversions.UUIDConversion());
    model.addLogicalTypeConversion(new Conversions.DurationConversion());
    model.addLogicalTypeConversion(new TimeConversions.DateConversion());
    model.addLogicalTypeConversion(new TimeConversions.TimeMillisConversion());
    model.addLogicalTypeConversion(new TimeConversions.TimeMicrosConversion());
    model.addLogicalTypeConversion(new TimeConversions.TimestampMillisConversion());
    model.addLogicalTypeConversion(new TimeConversions.TimestampMicrosConversion());
    model.addLogicalTypeConversion(new TimeConversions.TimestampNanosConversion());
    model.addLogicalTypeConversion(new TimeConversions.LocalTimestampMillisConversion());
    model.addLogicalTypeConversion(new TimeConversions.LocalTimestampMicrosConversion());
    model.addLogicalTypeConversion(new TimeConversions.LocalTimestampNanosConversion());
    return model;
  }

  static void data(Schema schema, byte[] datum, ArrayNode data, ArrayNode json) throws Exception {
    Object plain = read(schema, datum, GenericData.get());
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    Encoder encoder = EncoderFactory.get().jsonEncoder(schema, text);
    new GenericDatumWriter<Object>(schema).write(plain, encoder);
    encoder.flush();
    json.add(text.toString("UTF-8"));

    GenericData model = converting();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    Encoder binary = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<Object>(schema, model).write(read(schema, datum, model), binary);
    binary.flush();
    data.add(HEX.formatHex(out.toByteArray()));
  }

  static Object read(Schema schema, byte[] datum, GenericData model) throws Exception {
    BinaryDecoder in = DecoderFactory.get().binaryDecoder(datum, null);
    Object value = new GenericDatumReader<Object>(schema, schema, model).read(null, in);
    if (!in.isEnd()) {
      throw new IllegalStateException("bytes are left");
    }
    return value;
  }

  static void messages(Schema schema, byte[] message, ArrayNode data, ArrayNode json) throws Exception {
    Object value = new BinaryMessageDecoder<Object>(GenericData.get(), schema).decode(new ByteArrayInputStream(message));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new BinaryMessageEncoder<Object>(GenericData.get(), schema).encode(value, out);
    data.add(HEX.formatHex(out.toByteArray()));
  }

  static void files(String in, String out, String codec) throws Exception {
    try (DataFileReader<Object> reader = new DataFileReader<>(new File(in), new GenericDatumReader<>());
        DataFileWriter<Object> writer = new DataFileWriter<>(new GenericDatumWriter<>(reader.getSchema()))) {
      if (!"typelog".equals(reader.getMetaString("origin"))) {
        throw new IllegalStateException("the metadata is lost");
      }
      writer.setCodec(CodecFactory.fromString(codec));
      writer.create(reader.getSchema(), new File(out));
      for (Object value : reader) {
        writer.append(value);
      }
    }
  }
}
