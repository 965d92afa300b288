import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeSet;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Transactions BOOTSTRAP: the Java client's transactions against a running typelog. A consumer copies the topic txn-java-in to
 * txn-java-out within transactions, commits what it has read with them, and aborts one; a second producer then fences the
 * first. At the end every record is in the copy once, and the tools see what there is to see.
 */
public class Transactions {
  static final String SOURCE = "txn-java-in", TARGET = "txn-java-out", GROUP = "txn-java";
  static final int COUNT = 60, BATCH = 20;
  static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    try (Admin admin = Admin.create(config(Map.of()))) {
      admin.createTopics(List.of(new NewTopic(SOURCE, 1, (short) 1), new NewTopic(TARGET, 2, (short) 1))).all().get();
      long level = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get("transaction.version").maxVersionLevel();
      check(level == 2, "transaction.version is " + level);
      copy();
      fence(admin);
      verify(admin);
    }
  }

  static Properties config(Map<String, ?> more) {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    p.putAll(more);
    return p;
  }

  static KafkaProducer<String, String> producer(String id) {
    Map<String, Object> more = new HashMap<>();
    if (id != null) {
      more.put("transactional.id", id);
    }
    return new KafkaProducer<>(config(more), new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(String group, String isolation) {
    return new KafkaConsumer<>(config(Map.of("group.id", group, "isolation.level", isolation, "enable.auto.commit", "false",
        "auto.offset.reset", "earliest", "max.poll.records", String.valueOf(BATCH))), new StringDeserializer(), new StringDeserializer());
  }

  static void check(boolean ok, String otherwise) {
    if (!ok) {
      throw new IllegalStateException(otherwise);
    }
  }

  static void copy() throws Exception {
    try (KafkaProducer<String, String> plain = producer(null)) {
      for (int i = 0; i < COUNT; i++) {
        plain.send(new ProducerRecord<>(SOURCE, String.valueOf(i)));
      }
    }
    try (KafkaProducer<String, String> producer = producer("java-copy");
        KafkaConsumer<String, String> consumer = consumer(GROUP, "read_committed")) {
      producer.initTransactions();
      consumer.subscribe(List.of(SOURCE));
      TopicPartition from = new TopicPartition(SOURCE, 0);
      boolean aborted = false;
      for (long copied = 0; copied < COUNT; ) {
        var records = consumer.poll(Duration.ofSeconds(30));
        check(!records.isEmpty(), "nothing came within 30 s");
        producer.beginTransaction();
        for (ConsumerRecord<String, String> r : records) {
          producer.send(new ProducerRecord<>(TARGET, r.value()));
        }
        producer.sendOffsetsToTransaction(Map.of(from, new OffsetAndMetadata(consumer.position(from))), consumer.groupMetadata());
        if (!aborted && copied > 0) {
          aborted = true;
          producer.flush(); // otherwise they would not be sent at all
          producer.abortTransaction();
          consumer.seek(from, copied);
          continue;
        }
        producer.commitTransaction();
        copied += records.count();
      }
    }
  }

  static void fence(Admin admin) throws Exception {
    try (KafkaProducer<String, String> zombie = producer("java-fence");
        KafkaProducer<String, String> heir = producer("java-fence")) {
      zombie.initTransactions();
      zombie.beginTransaction();
      zombie.send(new ProducerRecord<>(TARGET, 0, null, "zombie")).get();
      String state = admin.describeTransactions(List.of("java-fence")).description("java-fence").get().state().toString();
      check(state.equals("Ongoing"), "the transaction is " + state);
      boolean open = admin.describeProducers(List.of(new TopicPartition(TARGET, 0))).partitionResult(new TopicPartition(TARGET, 0)).get()
          .activeProducers().stream().anyMatch(p -> p.currentTransactionStartOffset().isPresent());
      check(open, "no producer has a transaction open in the partition");
      heir.initTransactions();
      heir.beginTransaction();
      heir.send(new ProducerRecord<>(TARGET, 0, null, "heir"));
      heir.commitTransaction();
      try {
        zombie.commitTransaction();
        throw new IllegalStateException("a producer that was fenced committed");
      } catch (ProducerFencedException | InvalidProducerEpochException expected) {
        // as it should be
      }
    }
  }

  static void verify(Admin admin) throws Exception {
    long at = admin.listConsumerGroupOffsets(GROUP).partitionsToOffsetAndMetadata().get().get(new TopicPartition(SOURCE, 0)).offset();
    check(at == COUNT, "the group is at " + at);
    List<String> got = read("read_committed", COUNT + 1);
    check(new TreeSet<>(got).size() == COUNT + 1 && got.contains("heir") && !got.contains("zombie"), "the copy has " + got);
    read("read_uncommitted", COUNT + BATCH + 2);
    check(admin.listTransactions().all().get().size() >= 2, "transactional ids are not listed");
  }

  /** Reads a topic to its end, where there must be so many records. */
  static List<String> read(String isolation, int want) throws Exception {
    List<String> got = new ArrayList<>();
    try (KafkaConsumer<String, String> consumer = consumer(GROUP + "-" + isolation, isolation)) {
      List<TopicPartition> all = List.of(new TopicPartition(TARGET, 0), new TopicPartition(TARGET, 1));
      consumer.assign(all);
      Map<TopicPartition, Long> ends = consumer.endOffsets(all);
      consumer.seekToBeginning(all);
      while (all.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
        consumer.poll(Duration.ofSeconds(5)).forEach(r -> got.add(r.value()));
      }
    }
    check(got.size() == want, isolation + ": " + got.size() + " records, want " + want + ": " + got);
    return got;
  }
}
