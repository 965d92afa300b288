package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/typelog/typelog/serde"
)

// maxLine bounds a line of JSON in bytes.
const maxLine = 16 << 20

// flushTimeout is how long produce waits for the broker after the last line.
const flushTimeout = 2 * time.Minute

func newProduceCommand() *cobra.Command {
	var (
		clients clientFlags
		file    string
		key     string
	)
	cmd := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Produce lines of JSON from standard input, encoded by the topic's schema",
		Long: "Read one JSON value a line from standard input (null is a tombstone), encode each by the newest schema of\n" +
			"TOPIC-value, or by --schema FILE, and produce it. A line that does not fit is reported with its number, and\n" +
			"so is a record that the broker refuses, in the broker's words; the others are produced all the same. The exit\n" +
			"status is 0 only if every line was stored.",
		Args: oneArg("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			text := ""
			if file != "" {
				b, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				text = string(b)
			}
			p, err := serde.NewJSONProducer(cmd.Context(), serde.ProducerConfig{
				Brokers: clients.brokers, Registry: clients.registry, Topic: args[0], CreateTopic: true,
			}, text)
			if err != nil {
				return err
			}
			return produceLines(cmd.Context(), p, cmd.InOrStdin(), key, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	clients.add(cmd)
	cmd.Flags().StringVar(&file, "schema", "", "Avro schema (.avsc) to encode with; it is registered if it is new")
	cmd.Flags().StringVar(&key, "key", "", "key of every record; without one records have none")
	return cmd
}

func produceLines(ctx context.Context, p *serde.JSONProducer, in io.Reader, key string, out, errOut io.Writer) error {
	var keyBytes []byte
	if key != "" {
		keyBytes = []byte(key)
	}
	var stored, refused atomic.Int64
	reading, stop := context.WithCancel(ctx)
	defer stop()
	lines := readLines(reading, in)
	n := 0
	var unread, fatal error // what reading and producing ended with
	for fatal == nil {
		text, err := lines.next(ctx)
		if err != nil {
			unread = err
			break
		}
		n++
		line := bytes.TrimSpace(text)
		if len(line) == 0 {
			continue
		}
		if string(line) == "null" {
			line = nil
		}
		number := n
		report := func(err error) {
			refused.Add(1)
			fmt.Fprintf(errOut, "line %d: %v\n", number, err)
		}
		err = p.Produce(ctx, keyBytes, line, nil, func(_ serde.Delivery, err error) {
			if err != nil {
				report(err)
				return
			}
			stored.Add(1)
		})
		if err != nil {
			report(err)
		}
		if errors.Is(err, serde.ErrSchemaRefused) {
			fatal = err
		}
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if ctx.Err() != nil {
		cancel() // interrupted: what was not answered yet is reported as failed
	}
	closeErr := p.Close(flush)
	fmt.Fprintf(out, "produced=%d refused=%d schema_id=%d\n", stored.Load(), refused.Load(), p.SchemaID())
	switch {
	case errors.Is(unread, bufio.ErrTooLong):
		return fmt.Errorf("line %d is longer than %d bytes; nothing behind it was read", n+1, maxLine)
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted behind line %d", n)
	case unread != nil && unread != io.EOF:
		return fmt.Errorf("read line %d: %w", n+1, unread)
	case closeErr != nil:
		return closeErr
	case refused.Load() > 0:
		return exitError{errors.New("some lines were not produced")}
	}
	return nil
}

// lineReader reads lines on a goroutine of its own: nothing can interrupt a read of a terminal or a pipe, but a wait for it
// can be given up. The goroutine then stays behind until its read returns.
type lineReader struct {
	lines chan []byte
	err   error // what the lines ended with; valid once they are closed
}

func readLines(ctx context.Context, in io.Reader) *lineReader {
	r := &lineReader{lines: make(chan []byte), err: io.EOF}
	go func() {
		defer close(r.lines)
		scan := bufio.NewScanner(in)
		scan.Buffer(make([]byte, 64<<10), maxLine)
		for scan.Scan() {
			select {
			case r.lines <- bytes.Clone(scan.Bytes()):
			case <-ctx.Done():
				r.err = ctx.Err()
				return
			}
		}
		if err := scan.Err(); err != nil {
			r.err = err
		}
	}()
	return r
}

// next returns the next line, which is the caller's, io.EOF behind the last, or the error of reading or of ctx.
func (r *lineReader) next(ctx context.Context) ([]byte, error) {
	select {
	case line, more := <-r.lines:
		if !more {
			return nil, r.err
		}
		return line, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
