package api

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// implicitJoin is the first version of Produce by which partitions join a transaction (KIP-890).
const implicitJoin = 12

// enterTransaction takes out of the request's batches those that may not enter the log, because they are not part of a
// transaction, and keeps the transaction of the others still.
func (p *produceCall) enterTransaction(ctx context.Context) {
	var within []int // places in batches
	for i := range p.batches {
		if record.Batch(p.batches[i].Bytes).Attributes().Transactional() {
			within = append(within, i)
		}
	}
	if len(within) == 0 {
		return
	}
	err := p.enterAll(ctx, within)
	refused := map[int]error{}
	for _, i := range within {
		one := err
		if errors.Is(err, txn.ErrNotPart) && len(within) > 1 {
			one = p.enterAll(ctx, []int{i})
		}
		if one != nil {
			refused[i] = writeError(one, p.frame.version >= 11, p.frame.version >= implicitJoin)
		}
	}
	if len(refused) == 0 {
		return
	}
	n := 0
	for i := range p.batches {
		if err := refused[i]; err != nil {
			out := &p.parts[p.place[i]]
			out.err, out.taken = err, false
			continue
		}
		p.batches[n], p.place[n] = p.batches[i], p.place[i]
		n++
	}
	clear(p.batches[n:])
	p.batches, p.place = p.batches[:n], p.place[:n]
}

// enterAll asks the coordinator for some of the batches.
func (p *produceCall) enterAll(ctx context.Context, within []int) error {
	entering := txn.Add{Version: clientsFirst}
	if p.frame.version >= implicitJoin {
		entering.Version = brokerFirst
	}
	for n, i := range within {
		h := record.Batch(p.batches[i].Bytes)
		who := txn.Identity{ProducerID: h.ProducerID(), Epoch: h.ProducerEpoch()}
		if n > 0 && who.ProducerID != entering.ProducerID {
			return &fault{kerr.InvalidProducerIDMapping, "Transactional batches of one request have more than one producer id."}
		}
		if n > 0 && who != entering.Identity {
			return &fault{kerr.InvalidProducerEpoch, "Transactional batches of one request have more than one epoch."}
		}
		entering.Identity = who
		entering.Partitions = append(entering.Partitions, p.partitionOf(p.place[i]))
	}
	release, err := p.s.Coordinators.Transactions.Enter(ctx, string(p.frame.transactionalID), entering)
	if err != nil {
		return err
	}
	p.holds = append(p.holds, release)
	return nil
}

// partitionOf names one of the request's partitions.
func (p *produceCall) partitionOf(part int) state.TopicPartition {
	for i := range p.frame.topics {
		if ft := &p.frame.topics[i]; part >= ft.first && part < ft.last {
			return state.TopicPartition{Topic: p.topics[i].name, Partition: p.frame.parts[part].index}
		}
	}
	panic("api: a partition without a topic")
}
