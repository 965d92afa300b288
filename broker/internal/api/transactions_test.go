package api

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/typelog/typelog/broker/internal/log/memlog"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/state"
	"github.com/typelog/typelog/broker/internal/txn"
)

// ids gives out producer ids from 1000 on.
type ids struct{ next int64 }

func (i *ids) AllocateProducerIDs(_ context.Context, n int) (int64, error) {
	i.next += int64(n)
	return 1000 + i.next - int64(n), nil
}

// withTransactions gives a server coordinators that end with the test.
func withTransactions(t *testing.T, o *Options) {
	withGroups(t, o)
	o.Coordinators.Markers = &Markers{Catalog: o.Catalog, Engine: o.Engine, Groups: o.Coordinators.Groups, Logger: o.Logger}
	o.Coordinators.Transactions = txn.NewCoordinator(state.NewTransactionTopic(o.Engine, o.Catalog, state.TopicConfig{Partitions: 2}),
		o.Coordinators.Markers, txn.NewProducers(&ids{}, 0), txn.Config{AbortEvery: 20 * time.Millisecond})
	o.Coordinators.Transactions.Start()
	t.Cleanup(o.Coordinators.Transactions.Close)
}

// client speaks for a transactional producer, request by request.
type client struct {
	*peer
	id    string
	pid   int64
	epoch int16
}

func (p *client) ask(version int16, req kmsg.Request) kmsg.Response {
	p.t.Helper()
	req.SetVersion(version)
	p.send(req)
	return p.receive(len(p.sent) - 1)
}

func (p *client) want(what string, code int16, want *kerr.Error) {
	p.t.Helper()
	if got := kerr.ErrorForCode(code); got != error(want) && !(want == nil && code == 0) {
		p.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// init asks until the transaction before is complete.
func (p *client) init(version int16) int16 {
	p.t.Helper()
	for {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = &p.id, 60_000
		resp := p.ask(version, req).(*kmsg.InitProducerIDResponse)
		if resp.ErrorCode == 0 {
			p.pid, p.epoch = resp.ProducerID, resp.ProducerEpoch
		}
		if resp.ErrorCode != kerr.ConcurrentTransactions.Code {
			return resp.ErrorCode
		}
	}
}

func (p *client) add(version int16, topic string, partitions ...int32) []int16 {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	rt := kmsg.NewAddPartitionsToTxnRequestTopic()
	rt.Topic, rt.Partitions = topic, partitions
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Topics = p.id, p.pid, p.epoch, append(req.Topics, rt)
	one := kmsg.NewAddPartitionsToTxnRequestTransaction()
	one.TransactionalID, one.ProducerID, one.ProducerEpoch = p.id, p.pid, p.epoch
	one.Topics = append(one.Topics, kmsg.AddPartitionsToTxnRequestTransactionTopic{Topic: topic, Partitions: partitions})
	req.Transactions = append(req.Transactions, one)
	resp := p.ask(version, req).(*kmsg.AddPartitionsToTxnResponse)
	var codes []int16
	for _, tx := range resp.Transactions {
		for _, p := range tx.Topics[0].Partitions {
			codes = append(codes, p.ErrorCode)
		}
	}
	for _, rt := range resp.Topics {
		for _, p := range rt.Partitions {
			codes = append(codes, p.ErrorCode)
		}
	}
	return codes
}

func (p *client) end(version int16, commit bool) int16 {
	req := kmsg.NewPtrEndTxnRequest()
	req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = p.id, p.pid, p.epoch, commit
	resp := p.ask(version, req).(*kmsg.EndTxnResponse)
	if version >= 5 && resp.ErrorCode == 0 {
		p.pid, p.epoch = resp.ProducerID, resp.ProducerEpoch
	}
	return resp.ErrorCode
}

func (p *client) produce(version int16, t *topic, partition, sequence int32) int16 {
	b := record.Builder{Producer: &record.Producer{ID: p.pid, Epoch: p.epoch, Sequence: sequence}, Transactional: true}
	b.Add(record.KV(1, nil, []byte("v")))
	req := produceRequest(version, -1, t, map[int32][]byte{partition: b.Build()})
	req.TransactionID = &p.id
	return p.ask(version, req).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
}

func (p *client) commitOffset(version int16, group string, t *topic, at int64) int16 {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = p.id, group, p.pid, p.epoch, -1
	rt := kmsg.NewTxnOffsetCommitRequestTopic()
	rt.Topic = t.name
	rp := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	rp.Offset = at
	rt.Partitions = append(rt.Partitions, rp)
	req.Topics = append(req.Topics, rt)
	return p.ask(version, req).(*kmsg.TxnOffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
}

func (p *client) addOffsets(version int16, group string) int16 {
	req := kmsg.NewPtrAddOffsetsToTxnRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = p.id, group, p.pid, p.epoch
	return p.ask(version, req).(*kmsg.AddOffsetsToTxnResponse).ErrorCode
}

func (p *client) fetchOffset(group string, t *topic, stable bool) (int64, int16) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = stable
	rg := kmsg.NewOffsetFetchRequestGroup()
	rg.Group = group
	rg.Topics = append(rg.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: t.name, Partitions: []int32{0}})
	req.Groups = append(req.Groups, rg)
	at := p.ask(9, req).(*kmsg.OffsetFetchResponse).Groups[0].Topics[0].Partitions[0]
	return at.Offset, at.ErrorCode
}

func transactional(t *testing.T) (*served, *topic, func(id string) *client) {
	s := serve(t, memlog.Options{}, func(o *Options) { withTransactions(t, o) })
	return s, s.topic(t, "t", 3, nil), func(id string) *client { return &client{peer: s.dial(t), id: id} }
}

// TestOldClients is a transaction as librdkafka has it: partitions are named first, the epoch stays.
func TestOldClients(t *testing.T) {
	s, topic, dial := transactional(t)
	p := dial("x")
	p.want("without a transaction", p.produce(10, topic, 0, 0), kerr.InvalidProducerIDMapping)
	p.want("init", p.init(2), nil)
	p.want("a partition that was not named", p.produce(10, topic, 0, 0), kerr.InvalidTxnState)
	p.want("to a client that knows better", p.produce(11, topic, 0, 0), kerr.TransactionAbortable)
	for i, want := range []*kerr.Error{kerr.OperationNotAttempted, kerr.UnknownTopicOrPartition} {
		p.want("a partition that is not there", p.add(0, "t", 0, 9)[i], want)
	}
	p.want("an internal topic", p.add(0, OffsetsTopic, 0)[0], kerr.TopicAuthorizationFailed)
	p.want("commit of nothing", p.end(1, true), kerr.InvalidTxnState)
	p.want("add", p.add(0, "t", 0)[0], nil)
	p.want("produce", p.produce(10, topic, 0, 0), nil)
	p.want("another partition", p.produce(10, topic, 1, 0), kerr.InvalidTxnState)
	p.want("offsets before the group was named", p.commitOffset(3, "g", topic, 7), kerr.InvalidTxnState)
	p.want("add offsets", p.addOffsets(0, "g"), nil)
	p.want("commit offsets", p.commitOffset(3, "g", topic, 7), nil)
	if at, code := p.fetchOffset("g", topic, false); at != -1 || code != 0 {
		t.Errorf("before the end the group is at %d, %v", at, kerr.ErrorForCode(code))
	}
	_, code := p.fetchOffset("g", topic, true)
	p.want("a stable offset", code, kerr.UnstableOffsetCommit)
	epoch := p.epoch
	p.want("commit", p.end(1, true), nil)
	if at, code := p.fetchOffset("g", topic, true); at != 7 || code != 0 || p.epoch != epoch {
		t.Errorf("after the end the group is at %d, %v; epoch %d, was %d", at, kerr.ErrorForCode(code), p.epoch, epoch)
	}
	b, err := s.Engine.Bounds(topic.partition(0))
	if err != nil || b.LastStable != 2 { // the record and the marker
		t.Errorf("%+v, %v", b, err)
	}
	// An heir takes over. Old versions do not know PRODUCER_FENCED.
	p.want("add", p.add(3, "t", 0)[0], nil)
	p.want("produce", p.produce(10, topic, 0, 1), nil)
	heir := dial("x")
	heir.want("init", heir.init(4), nil)
	p.want("add", p.add(1, "t", 0)[0], kerr.InvalidProducerEpoch)
	p.want("add", p.add(3, "t", 0)[0], kerr.ProducerFenced)
	p.want("add offsets", p.addOffsets(1, "g"), kerr.InvalidProducerEpoch)
	p.want("add offsets", p.addOffsets(2, "g"), kerr.ProducerFenced)
	p.want("end", p.end(1, true), kerr.InvalidProducerEpoch)
	p.want("end", p.end(3, true), kerr.ProducerFenced)
	p.want("produce", p.produce(10, topic, 0, 2), kerr.InvalidProducerEpoch)
	p.want("commit offsets", p.commitOffset(3, "g", topic, 9), kerr.InvalidProducerEpoch)
	had := kmsg.NewPtrInitProducerIDRequest()
	had.TransactionalID, had.TransactionTimeoutMillis, had.ProducerID, had.ProducerEpoch = &p.id, 1000, p.pid, p.epoch
	p.want("init", p.ask(3, had).(*kmsg.InitProducerIDResponse).ErrorCode, kerr.InvalidProducerEpoch)
	p.want("init", p.ask(4, had).(*kmsg.InitProducerIDResponse).ErrorCode, kerr.ProducerFenced)
	had.TransactionTimeoutMillis = 1e9
	p.want("a timeout that is too long", p.ask(4, had).(*kmsg.InitProducerIDResponse).ErrorCode, kerr.InvalidTransactionTimeout)
	// What brokers send each other works, too.
	heir.want("add", heir.add(5, "t", 1, 2)[1], nil)
	heir.want("abort", heir.end(4, false), nil)
}

// TestNewClients is a transaction of transaction.version 2: partitions and groups join by being written to, and the end
// raises the epoch.
func TestNewClients(t *testing.T) {
	_, topic, dial := transactional(t)
	p := dial("x")
	p.want("init", p.init(5), nil)
	p.want("commit of nothing", p.end(5, true), kerr.InvalidTxnState)
	for i, commit := range []bool{true, false, true} {
		epoch := p.epoch
		p.want("produce", p.produce(13, topic, 0, 0), nil)
		p.want("produce", p.produce(12, topic, 2, 0), nil)
		p.want("commit offsets", p.commitOffset(5, "g", topic, int64(i)), nil)
		old := *p
		p.want("end", p.end(5, commit), nil)
		if p.epoch != epoch+1 {
			t.Fatalf("epoch %d after %d", p.epoch, epoch)
		}
		old.sent = p.sent // the same connection
		old.want("the same again", old.end(5, commit), nil)
		p.sent = old.sent
		if at, code := p.fetchOffset("g", topic, true); at != int64(i/2*2) || code != 0 {
			t.Errorf("after transaction %d the group is at %d, %v", i, at, kerr.ErrorForCode(code))
		}
	}
	p.want("abort of nothing", p.end(5, false), nil)
	p.epoch--
	p.want("what is late", p.produce(13, topic, 0, 1), kerr.InvalidProducerEpoch)
	p.epoch++
	p.want("produce", p.produce(13, topic, 0, 0), nil)
}

// TestContractWithinTransactions: a batch that is refused joins nothing, and the transaction goes on without it.
func TestContractWithinTransactions(t *testing.T) {
	s := serve(t, memlog.Options{}, func(o *Options) {
		withTransactions(t, o)
		o.Contract = wordContract{}
	})
	topic := s.topic(t, "strict", 1, contracted)
	p := &client{peer: s.dial(t), id: "x"}
	p.want("init", p.init(5), nil)
	send := func(sequence int32, value string) int16 {
		b := record.Builder{Producer: &record.Producer{ID: p.pid, Epoch: p.epoch, Sequence: sequence}, Transactional: true}
		b.Add(record.KV(1, nil, []byte(value)))
		req := produceRequest(12, -1, topic, map[int32][]byte{0: b.Build()})
		req.TransactionID = &p.id
		return p.ask(12, req).(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
	}
	p.want("bad", send(0, "bad"), kerr.InvalidRecord)
	if tx, err := s.Coordinators.Transactions.Describe(t.Context(), "x"); err != nil || tx.Status != state.TransactionEmpty {
		t.Errorf("after a refusal: %+v, %v", tx, err)
	}
	p.want("good", send(0, "good"), nil)
	p.want("bad", send(1, "bad"), kerr.InvalidRecord)
	p.want("good", send(1, "good"), nil)
	p.want("end", p.end(5, true), nil)
	if b, err := s.Engine.Bounds(topic.partition(0)); err != nil || b.LastStable != 3 {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestDescribingTransactions(t *testing.T) {
	s, topic, dial := transactional(t)
	p := dial("x")
	list := func(states ...string) *kmsg.ListTransactionsResponse {
		req := kmsg.NewPtrListTransactionsRequest()
		req.StateFilters = states
		return p.ask(1, req).(*kmsg.ListTransactionsResponse)
	}
	if got := list(); len(got.TransactionStates) != 0 || got.ErrorCode != 0 {
		t.Errorf("before there is anything: %+v", got)
	}
	p.want("init", p.init(5), nil)
	p.want("produce", p.produce(12, topic, 2, 0), nil)
	describe := kmsg.NewPtrDescribeTransactionsRequest()
	describe.TransactionalIDs = []string{"x", "y", ""}
	got := p.ask(0, describe).(*kmsg.DescribeTransactionsResponse).TransactionStates
	p.want("describe", got[0].ErrorCode, nil)
	p.want("what is not there", got[1].ErrorCode, kerr.TransactionalIDNotFound)
	p.want("an empty id", got[2].ErrorCode, kerr.InvalidRequest)
	if x := got[0]; x.State != "Ongoing" || x.ProducerID != p.pid || x.TimeoutMillis != 60_000 || len(x.Topics) != 1 ||
		x.Topics[0].Topic != "t" || len(x.Topics[0].Partitions) != 1 || x.Topics[0].Partitions[0] != 2 {
		t.Errorf("described as %+v", x)
	}
	if got := list("Ongoing", "Sleeping"); len(got.TransactionStates) != 1 || len(got.UnknownStateFilters) != 1 {
		t.Errorf("ongoing: %+v", got)
	}
	if got := list("Empty"); len(got.TransactionStates) != 0 {
		t.Errorf("empty: %+v", got)
	}
	producers := kmsg.NewPtrDescribeProducersRequest()
	producers.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: "t", Partitions: []int32{2, 9}}}
	parts := p.ask(0, producers).(*kmsg.DescribeProducersResponse).Topics[0].Partitions
	p.want("no such partition", parts[1].ErrorCode, kerr.UnknownTopicOrPartition)
	if a := parts[0].ActiveProducers; len(a) != 1 || a[0].ProducerID != p.pid || a[0].CurrentTxnStartOffset != 0 || a[0].LastSequence != 0 {
		t.Errorf("producers: %+v", a)
	}
	// An administrator ends it by hand.
	by := kmsg.NewPtrWriteTxnMarkersRequest()
	by.Markers = []kmsg.WriteTxnMarkersRequestMarker{{ProducerID: p.pid, ProducerEpoch: p.epoch,
		Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: "t", Partitions: []int32{2, 9, 2}}}}}
	marked := p.ask(1, by).(*kmsg.WriteTxnMarkersResponse).Markers[0].Topics[0].Partitions
	p.want("a marker", marked[0].ErrorCode, nil)
	p.want("a marker for nothing", marked[1].ErrorCode, kerr.UnknownTopicOrPartition)
	p.want("a marker that is asked for twice", marked[2].ErrorCode, nil)
	if b, err := s.Engine.Bounds(topic.partition(2)); err != nil || b.HighWatermark != 2 {
		t.Errorf("a record and a marker: %+v, %v", b, err)
	}
	parts = p.ask(0, producers).(*kmsg.DescribeProducersResponse).Topics[0].Partitions
	if a := parts[0].ActiveProducers; a[0].CurrentTxnStartOffset != -1 {
		t.Errorf("after the marker: %+v", a)
	}
}

// TestFeatures: clients look at transaction.version before they use it.
func TestFeatures(t *testing.T) {
	s := serve(t, memlog.Options{}, nil)
	p := s.dial(t)
	for version, min := range map[int16]int16{3: 1, 4: 0} {
		req := kmsg.NewPtrApiVersionsRequest()
		req.Version, req.ClientSoftwareName, req.ClientSoftwareVersion = version, "a", "1"
		p.send(req)
		got := p.receive(len(p.sent) - 1).(*kmsg.ApiVersionsResponse)
		if len(got.SupportedFeatures) != 1 || got.SupportedFeatures[0].MinVersion != min || got.SupportedFeatures[0].MaxVersion != 2 ||
			len(got.FinalizedFeatures) != 1 || got.FinalizedFeatures[0].MaxVersionLevel != 2 || got.FinalizedFeaturesEpoch < 0 {
			t.Errorf("version %d: %+v %+v", version, got.SupportedFeatures, got.FinalizedFeatures)
		}
	}
}
