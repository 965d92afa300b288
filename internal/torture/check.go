package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// check compares the broker as it is now with what the outside was told: ends and commits, and every record if whole.
// Clients may go on meanwhile.
func (l *load) check(ctx context.Context, whole bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*patience)
	defer cancel()
	cl, err := l.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	wants := l.acc.wants()
	ends, err := adm.ListEndOffsets(ctx, l.topics...)
	if err != nil {
		return fmt.Errorf("list offsets: %w", err)
	}
	commits, err := fetchCommits(ctx, adm)
	if err != nil {
		return err
	}
	for _, p := range l.places() {
		end, ok := ends.Lookup(p.topic, p.partition)
		if !ok || end.Err != nil {
			l.acc.fault("lost topic: %s has no end: %v", p, end.Err)
			continue
		}
		if end.Offset < wants[p].end {
			l.acc.fault("lost write: %s ends at %d, but offset %d was acknowledged or read", p, end.Offset, wants[p].end-1)
		}
		at := int64(-1)
		if c, ok := commits.Lookup(p.topic, p.partition); ok {
			at = c.At
		}
		if wants[p].committed > 0 {
			l.acc.commitNow(p, wants[p].committed, at)
		}
		if whole {
			got, err := l.read(ctx, p, end.Offset)
			if err != nil {
				return err
			}
			l.acc.whole(p, wants[p], got)
		}
	}
	return nil
}

// fetchCommits asks until the coordinator has loaded the group.
func fetchCommits(ctx context.Context, adm *kadm.Client) (kadm.OffsetResponses, error) {
	for {
		commits, err := adm.FetchOffsets(ctx, groupName)
		if err == nil {
			return commits, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("fetch the group's offsets: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// read returns the records of p from 0 to end, whose offsets must be dense.
func (l *load) read(ctx context.Context, p place, end int64) ([]id, error) {
	cl, err := l.client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.topic: {p.partition: kgo.NewOffset().At(0)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	var got []id
	for int64(len(got)) < end {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("read %s: at offset %d of %d when the time was over: %v", p, len(got), end, fetches.Err())
		}
		l.take(ctx, fetches, "whole")
		for _, r := range fetches.Records() {
			rec, err := parse(r.Value)
			if err != nil {
				continue // take noted it
			}
			if r.Offset != int64(len(got)) {
				l.acc.fault("gap: %s goes from offset %d to %d", p, len(got)-1, r.Offset)
				return got, nil
			}
			got = append(got, rec)
		}
	}
	return got, nil
}
