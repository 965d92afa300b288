package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/typelog/typelog/serde"
)

type consumeFlags struct {
	clientFlags
	group  string
	count  int
	toEnd  bool
	offset bool
}

func newConsumeCommand() *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use:   "consume TOPIC",
		Short: "Print a topic's records as lines of JSON, decoded by their schemas",
		Long: "Print each record's value as one line of JSON, from the start of the topic or, with --group, from where the\n" +
			"group stands. A tombstone is null. A value that does not decode is reported, with its partition and offset, on\n" +
			"standard error, and makes the exit status 1.",
		Args: oneArg("TOPIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return consume(cmd.Context(), f, args[0], cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.group, "group", "", "consumer group to share partitions with and to keep offsets in")
	cmd.Flags().IntVarP(&f.count, "count", "n", 0, "end after this many records; 0 is no limit")
	cmd.Flags().BoolVar(&f.toEnd, "until-end", false, "end at what is the end of the topic now")
	cmd.Flags().BoolVar(&f.offset, "envelope", false, "print partition, offset, timestamp, key and schema id around each value")
	return cmd
}

func consume(ctx context.Context, f consumeFlags, topic string, out, errOut io.Writer) error {
	registry, err := serde.NewRegistry(f.registry)
	if err != nil {
		return err
	}
	opts := []kgo.Opt{kgo.SeedBrokers(f.brokers...), kgo.ClientID("typelog"), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords()}
	if f.group != "" {
		opts = append(opts, kgo.ConsumerGroup(f.group), kgo.AutoCommitMarks())
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	left, err := untilEnd(ctx, client, f, topic)
	if err != nil {
		return err
	}
	if err := sayMissing(ctx, client, topic, errOut); err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	p := printer{decoder: serde.NewJSONDecoder(registry), envelope: f.offset, out: w, errOut: errOut}
	for (f.count == 0 || p.seen < f.count) && (left == nil || len(left) > 0) {
		fetches, err := pollFor(ctx, client, groupPoll, max(0, f.count-p.seen))
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return fmt.Errorf("consume %s: %w", topic, err)
		}
		if fetches.NumRecords() == 0 && f.group != "" {
			// Other members of the group may hold what is left; what they commit counts, too.
			if err := dropCommitted(ctx, client, f.group, topic, left); err != nil {
				return err
			}
		}
		for _, rec := range fetches.Records() {
			if !rec.Attrs.IsControl() { // which marks the end of a transaction, and may be the end of the partition
				if err := p.print(ctx, rec); err != nil {
					return err
				}
			}
			if end, ok := left[rec.Partition]; ok && rec.Offset+1 >= end {
				delete(left, rec.Partition)
			}
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if f.group != "" {
			client.MarkCommitRecords(fetches.Records()...)
		}
	}
	if f.group != "" {
		if err := client.CommitMarkedOffsets(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("commit offsets of group %s: %w", f.group, err)
		}
	}
	if p.bad > 0 {
		return exitError{errors.New("some records did not decode")}
	}
	return nil
}

// sayMissing says that the topic is not there, so that nobody waits for records without knowing.
func sayMissing(ctx context.Context, client *kgo.Client, topic string, errOut io.Writer) error {
	topics, err := kadm.NewClient(client).ListTopics(ctx, topic)
	if err != nil {
		return fmt.Errorf("consume %s: %w", topic, err)
	}
	if errors.Is(topics[topic].Err, kerr.UnknownTopicOrPartition) {
		fmt.Fprintf(errOut, "topic %s does not exist; waiting until it does. 'typelog topic create %s' creates it, and so does the first record "+
			"produced to it.\n", topic, topic)
	}
	return nil
}

// groupPoll is how often a consumer that got nothing looks what the other members of its group have done.
const groupPoll = time.Second

// pollFor polls for at most d. Time that is over is no error.
func pollFor(ctx context.Context, client *kgo.Client, d time.Duration, limit int) (kgo.Fetches, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	fetches := client.PollRecords(ctx, limit)
	if err := fetches.Err0(); err != nil && ctx.Err() == nil {
		return nil, err
	}
	return fetches, nil
}

// dropCommitted takes the partitions that a group has finished out of left.
func dropCommitted(ctx context.Context, client *kgo.Client, group, topic string, left map[int32]int64) error {
	if len(left) == 0 {
		return nil
	}
	committed, err := kadm.NewClient(client).FetchOffsetsForTopics(ctx, group, topic)
	if err != nil {
		return fmt.Errorf("offsets of group %s: %w", group, err)
	}
	for p, o := range committed[topic] {
		if end, ok := left[p]; ok && o.At >= end {
			delete(left, p)
		}
	}
	return nil
}

// untilEnd returns the end offset of each partition that has records to read, or nil if there is no end.
func untilEnd(ctx context.Context, client *kgo.Client, f consumeFlags, topic string) (map[int32]int64, error) {
	if !f.toEnd {
		return nil, nil
	}
	adm := kadm.NewClient(client)
	ends, err := adm.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("end of topic %s: %w", topic, err)
	}
	from, err := adm.ListStartOffsets(ctx, topic)
	if err == nil {
		err = from.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("start of topic %s: %w", topic, err)
	}
	begin := from.KOffsets()[topic]
	if f.group != "" {
		committed, err := adm.FetchOffsetsForTopics(ctx, f.group, topic)
		if err != nil {
			return nil, fmt.Errorf("offsets of group %s: %w", f.group, err)
		}
		for p, o := range committed[topic] {
			if o.At >= 0 {
				begin[p] = kgo.NewOffset().At(o.At)
			}
		}
	}
	left := map[int32]int64{}
	for p, end := range ends[topic] {
		if begin[p].EpochOffset().Offset < end.Offset {
			left[p] = end.Offset
		}
	}
	return left, nil
}

// printer writes records as JSON lines.
type printer struct {
	decoder     *serde.JSONDecoder
	envelope    bool
	out, errOut io.Writer
	seen, bad   int
}

type envelope struct {
	Partition int32   `json:"partition"`
	Offset    int64   `json:"offset"`
	Timestamp string  `json:"timestamp"`
	Key       *string `json:"key"`
	KeyBase64 *string `json:"key_base64,omitempty"`
	SchemaID  int32   `json:"schema_id,omitempty"`
	// SchemaGUID is set if a header of the record names the schema.
	SchemaGUID string          `json:"schema_guid,omitempty"`
	Value      json.RawMessage `json:"value"`
}

func (p *printer) print(ctx context.Context, rec *kgo.Record) error {
	p.seen++
	text, name := []byte("null"), serde.SchemaName{}
	if rec.Value != nil {
		var err error
		if text, name, err = p.decoder.DecodePart(ctx, rec, serde.ValuePart); err != nil {
			if errors.Is(err, serde.ErrNetwork) {
				return err
			}
			p.bad++
			fmt.Fprintf(p.errOut, "partition %d offset %d: %v\n", rec.Partition, rec.Offset, err)
			return nil
		}
	}
	if p.envelope {
		e := envelope{Partition: rec.Partition, Offset: rec.Offset, SchemaID: name.ID, Value: text,
			Timestamp: rec.Timestamp.UTC().Format(time.RFC3339Nano)}
		if name.GUID != (serde.GUID{}) {
			e.SchemaGUID = name.GUID.String()
		}
		if rec.Key != nil {
			key := string(rec.Key)
			if e.Key = &key; !utf8.ValidString(key) {
				key64 := base64.StdEncoding.EncodeToString(rec.Key)
				e.Key, e.KeyBase64 = nil, &key64
			}
		}
		var err error
		if text, err = json.Marshal(e); err != nil {
			return fmt.Errorf("partition %d offset %d: %w", rec.Partition, rec.Offset, err)
		}
	}
	_, err := fmt.Fprintf(p.out, "%s\n", text)
	return err
}
