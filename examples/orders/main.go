// Command orders produces three typed orders to the topic "orders" of a running typelog and reads them back in a
// consumer group.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/typelog/typelog/examples/orders/order"
	"github.com/typelog/typelog/serde"
)

//go:generate go run github.com/typelog/typelog/cmd/typelog generate --out order order.avsc

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := produce(ctx); err != nil {
		log.Fatal(err)
	}
	if err := consume(ctx, 3); err != nil {
		log.Fatal(err)
	}
}

func produce(ctx context.Context) error {
	p, err := serde.NewProducer[order.Order](ctx, serde.ProducerConfig{Topic: "orders"})
	if err != nil {
		return err
	}
	for i, customer := range []string{"ada", "grace", "ada"} {
		o := order.NewOrder() // holds the schema's defaults
		o.ID = fmt.Sprintf("o-%d", i+1)
		o.Customer = customer
		o.PlacedAt = time.Now()
		o.Lines = []order.Line{{Article: "tea", Quantity: int32(i + 1), Cents: 450}}
		if _, err := p.ProduceSync(ctx, &serde.Message[order.Order]{Key: []byte(customer), Value: o}); err != nil {
			return err
		}
	}
	return p.Close(ctx)
}

func consume(ctx context.Context, n int) error {
	c, err := serde.NewConsumer[order.Order](serde.ConsumerConfig{Topics: []string{"orders"}, Group: "orders-example"})
	if err != nil {
		return err
	}
	defer c.Close()
	for m, err := range c.Messages(ctx) {
		if err != nil {
			return err
		}
		fmt.Printf("partition %d offset %d: %s ordered %d × %s (%s)\n", m.Partition, m.Offset, m.Value.Customer,
			m.Value.Lines[0].Quantity, m.Value.Lines[0].Article, m.Value.Status)
		if n--; n == 0 {
			break
		}
	}
	return c.Commit(ctx)
}
