package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/typelog/typelog/internal/child"
	"github.com/typelog/typelog/serde"
	"github.com/typelog/typelog/serde/avro"
	"github.com/typelog/typelog/serde/internal/shop"
)

const (
	toGo, toPython = "to-go", "to-python"
	jsToGo, goToJS = "js-to-go", "go-to-js"
	// fromPython is how many records clients.py sends, the last of them a tombstone.
	fromPython = 52
)

// referring is the schema of an order that takes its Status from another subject.
const referring = `{"type":"record","name":"Order","namespace":"typelog.shop","fields":[
	{"name":"number","type":"long"},{"name":"customer","type":"string"},{"name":"note","type":["null","string"],"default":null},
	{"name":"status","type":"typelog.shop.Status","default":"NEW"}]}`

// records starts typelog and exchanges records with other clients; all topics refuse what does not decode.
func records(ctx context.Context, t tools) (what string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var log bytes.Buffer // safe to read once the server has ended
	server := &child.Server{Binary: t.typelog, Data: filepath.Join(t.dir, "data"), Log: &log}
	if _, err := server.Start(ctx); err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))); err != nil {
			fmt.Fprintf(os.Stderr, "typelog said:\n%s", log.Bytes())
		}
	}()
	client, err := kgo.NewClient(kgo.SeedBrokers(server.Kafka))
	if err != nil {
		return "", err
	}
	defer client.Close()
	reject := "reject"
	contract := map[string]*string{"typelog.value.contract": &reject, "typelog.key.contract": &reject}
	created, err := kadm.NewClient(client).CreateTopics(ctx, 1, 1, contract, toGo, toPython, jsToGo, goToJS)
	if err = errors.Join(err, created.Error()); err != nil {
		return "", err
	}
	if err := writeSchemas(t.dir); err != nil {
		return "", err
	}
	for _, step := range []func(context.Context, tools, *child.Server) error{pythonToGo, goToPython, javaScript, registryClient} {
		if err := step(ctx, t, server); err != nil {
			return "", err
		}
	}
	return "in prefixes and headers, with references, both ways", nil
}

func writeSchemas(dir string) error {
	key, _ := new(shop.Key).AvroSchema()
	order, _ := new(shop.Order).AvroSchema()
	for name, text := range map[string]string{
		"key.avsc": key, "order.avsc": order, "referring.avsc": referring,
		"status.avsc": `{"type":"enum","name":"Status","namespace":"typelog.shop","symbols":["NEW","PAID"]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// order is what clients.py sends under a number.
func order(number int) *shop.Order {
	o := &shop.Order{Number: int64(number), Customer: fmt.Sprintf("customer %d é", number), Status: shop.StatusPaid}
	if number%2 == 0 {
		o.Note = avro.Some("a note")
	}
	return o
}

func pythonToGo(ctx context.Context, t tools, server *child.Server) error {
	if err := t.program(ctx, "python", "clients.py", "produce", server.Kafka, server.URL(), t.dir); err != nil {
		return err
	}
	return readOrders(ctx, server, toGo, fromPython)
}

// readOrders reads n messages with the typed client; the value of the last is null.
func readOrders(ctx context.Context, server *child.Server, topic string, n int) error {
	c, err := serde.NewKeyedConsumer[shop.Key, shop.Order](serde.ConsumerConfig{
		Brokers: []string{server.Kafka}, Registry: server.URL(), Topics: []string{topic},
	})
	if err != nil {
		return err
	}
	defer c.Close()
	i := 0
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		want := order(i)
		if i == n-1 {
			want = nil
		}
		if !reflect.DeepEqual(m.Value, want) || m.Key == nil || *m.Key != (shop.Key{Tenant: "acme", Number: int64(i)}) {
			return fmt.Errorf("message %d of %s is %+v, %+v; want %+v", i, topic, m.Key, m.Value, want)
		}
		if i++; i == n {
			return nil
		}
	}
	return fmt.Errorf("read %d messages of %s, want %d: %w", i, topic, n, ctx.Err())
}

func goToPython(ctx context.Context, t tools, server *child.Server) error {
	forms := []serde.SchemaConfig{{}, {IDInHeader: true}, {UseLatest: true}, {NoRegister: true, Normalize: true}}
	n, err := writeOrders(ctx, server, toPython, forms)
	if err != nil {
		return err
	}
	if err := t.program(ctx, "python", "clients.py", "consume", server.Kafka, server.URL(), t.dir, strconv.Itoa(n)); err != nil {
		return err
	}
	return t.checkRead(n)
}

// javaScript is KafkaJS, which knows prefixes only.
func javaScript(ctx context.Context, t tools, server *child.Server) error {
	const n = 20
	if err := t.program(ctx, "node", "clients.js", "produce", server.Kafka, server.URL(), t.dir, strconv.Itoa(n)); err != nil {
		return err
	}
	if err := readOrders(ctx, server, jsToGo, n); err != nil {
		return err
	}
	written, err := writeOrders(ctx, server, goToJS, []serde.SchemaConfig{{}})
	if err != nil {
		return err
	}
	if err := t.program(ctx, "node", "clients.js", "consume", server.Kafka, server.URL(), t.dir, strconv.Itoa(written)); err != nil {
		return err
	}
	return t.checkRead(written)
}

// writeOrders sends ten orders in each form with the typed client, and returns how many that were.
func writeOrders(ctx context.Context, server *child.Server, topic string, forms []serde.SchemaConfig) (int, error) {
	number := 0
	for _, cfg := range forms {
		p, err := serde.NewKeyedProducer[shop.Key, shop.Order](ctx, serde.ProducerConfig{
			Brokers: []string{server.Kafka}, Registry: server.URL(), Topic: topic, Key: cfg, Value: cfg,
		})
		if err != nil {
			return number, err
		}
		for range 10 {
			m := &serde.KeyedMessage[shop.Key, shop.Order]{Key: &shop.Key{Tenant: "acme", Number: int64(number)}, Value: order(number)}
			if _, err := p.ProduceSync(ctx, m); err != nil {
				return number, err
			}
			number++
		}
		if err := p.Close(ctx); err != nil {
			return number, err
		}
	}
	return number, nil
}

// checkRead compares what a program has read with what writeOrders wrote.
func (t tools) checkRead(n int) error {
	var read []struct {
		Key struct {
			Tenant string
			Number int64
		}
		Value struct {
			Number   int64
			Customer string
			Note     *string
			Status   string
		}
	}
	if err := readJSON(filepath.Join(t.dir, "read.json"), &read); err != nil {
		return err
	}
	for i, got := range read {
		want := order(i)
		note := got.Value.Note != nil && *got.Value.Note == want.Note.Value
		if got.Key.Tenant != "acme" || got.Key.Number != int64(i) || got.Value.Number != int64(i) ||
			got.Value.Customer != want.Customer || got.Value.Status != "PAID" || note != want.Note.Valid {
			return fmt.Errorf("it read record %d as %+v", i, got)
		}
	}
	if len(read) != n {
		return fmt.Errorf("it read %d records, want %d", len(read), n)
	}
	return nil
}

// registryClient encodes and decodes with franz-go's sr.Serde what the typed client decodes and encodes.
func registryClient(ctx context.Context, _ tools, server *child.Server) error {
	const topic = "from-sr"
	client, err := sr.NewClient(sr.URLs(server.URL()))
	if err != nil {
		return err
	}
	orderText, _ := new(shop.Order).AvroSchema()
	keyText, _ := new(shop.Key).AvroSchema()
	value, err := client.CreateSchema(ctx, topic+"-value", sr.Schema{Schema: orderText})
	if err != nil {
		return err
	}
	key, err := client.CreateSchema(ctx, topic+"-key", sr.Schema{Schema: keyText})
	if err != nil {
		return err
	}
	var codec sr.Serde
	codec.Register(value.ID, &shop.Order{}, sr.EncodeFn(func(v any) ([]byte, error) { return v.(*shop.Order).AppendAvro(nil) }),
		sr.DecodeFn(func(b []byte, v any) error { return v.(*shop.Order).DecodeAvro(b, avro.DecodeOptions{}) }))
	codec.Register(key.ID, &shop.Key{}, sr.EncodeFn(func(v any) ([]byte, error) { return v.(*shop.Key).AppendAvro(nil) }))
	kafka, err := kgo.NewClient(kgo.SeedBrokers(server.Kafka), kgo.DefaultProduceTopic(topic), kgo.AllowAutoTopicCreation())
	if err != nil {
		return err
	}
	defer kafka.Close()
	const n = 5
	for i := range n {
		rec := &kgo.Record{Key: codec.MustEncode(&shop.Key{Tenant: "acme", Number: int64(i)})}
		if i < n-1 {
			rec.Value = codec.MustEncode(order(i))
			var back shop.Order
			if err := codec.Decode(rec.Value, &back); err != nil || !reflect.DeepEqual(&back, order(i)) {
				return fmt.Errorf("sr.Serde reads its own as %+v: %w", back, err)
			}
		}
		if err := kafka.ProduceSync(ctx, rec).FirstErr(); err != nil {
			return err
		}
	}
	return readOrders(ctx, server, topic, n)
}
