// Command invoices writes an invoice for every order of the topic "orders" to the topic "invoices" of a running typelog,
// exactly once: what it has read and what it has written are committed together, whenever and however it ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/typelog/typelog/examples/invoices/invoice"
	"github.com/typelog/typelog/examples/orders/order"
	"github.com/typelog/typelog/serde"
)

//go:generate go run github.com/typelog/typelog/cmd/typelog generate --out invoice invoice.avsc

func main() {
	id := flag.String("id", "invoices-1", "transactional id: one for each instance that runs, the same after a restart")
	forAs := flag.Duration("for", time.Hour, "how long to run")
	flag.Parse()
	ctx, stop := context.WithTimeout(context.Background(), *forAs)
	defer stop()
	if err := run(ctx, *id); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, id string) error {
	tr, err := serde.NewTransactor(serde.TransactorConfig{ID: id, Group: "invoices", Topics: []string{"orders"}})
	if err != nil {
		return err
	}
	defer tr.Close()
	orders, err := serde.NewConsumer[order.Order](serde.ConsumerConfig{Transactor: tr})
	if err != nil {
		return err
	}
	invoices, err := serde.NewProducer[invoice.Invoice](ctx, serde.ProducerConfig{Transactor: tr, Topic: "invoices", CreateTopic: true})
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		written := 0
		err := tr.Run(ctx, func(ctx context.Context) error {
			messages, err := orders.Poll(ctx, 100)
			if err != nil {
				return err
			}
			written = len(messages)
			for _, m := range messages {
				if err := invoices.Produce(ctx, of(m), nil); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
		if err == nil {
			fmt.Printf("wrote %d invoices\n", written)
		}
	}
	return nil
}

// of is the invoice for an order.
func of(m *serde.Message[order.Order]) *serde.Message[invoice.Invoice] {
	owed := &invoice.Invoice{Order: m.Value.ID, Customer: m.Value.Customer}
	for _, line := range m.Value.Lines {
		owed.Cents += int64(line.Quantity) * line.Cents
	}
	return &serde.Message[invoice.Invoice]{Key: m.Key, Value: owed}
}
