package api

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/typelog/typelog/broker/internal/group"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/meta"
	"github.com/typelog/typelog/broker/internal/record"
	"github.com/typelog/typelog/broker/internal/txn"
)

// codes is where errors of the rooms get their protocol codes.
var codes = []struct {
	is   error
	code *kerr.Error
}{
	{log.ErrUnknownPartition, kerr.UnknownTopicOrPartition},
	{log.ErrOffsetOutOfRange, kerr.OffsetOutOfRange},
	{log.ErrCorrupt, kerr.CorruptMessage},
	{log.ErrStorage, kerr.KafkaStorageError},
	{log.ErrClosed, kerr.NotLeaderForPartition}, // retriable: this broker is going away
	{log.ErrDuplicateSequence, kerr.DuplicateSequenceNumber},
	{log.ErrOutOfOrderSequence, kerr.OutOfOrderSequenceNumber},
	{log.ErrUnknownProducer, kerr.UnknownProducerID},
	{log.ErrInvalidProducerEpoch, kerr.InvalidProducerEpoch},
	{log.ErrInvalidTxnState, kerr.InvalidTxnState},
	{meta.ErrExists, kerr.TopicAlreadyExists},
	{meta.ErrUnknownTopic, kerr.UnknownTopicOrPartition},
	{meta.ErrStorage, kerr.KafkaStorageError},
	{meta.ErrCorrupt, kerr.KafkaStorageError},
	{record.ErrCorrupt, kerr.CorruptMessage},
	{record.ErrTooLarge, kerr.MessageTooLarge},
	{record.ErrExpandsTooFar, kerr.MessageTooLarge},
	{record.ErrUnsupportedMagic, kerr.UnsupportedForMessageFormat},
	{record.ErrUnknownCompression, kerr.UnsupportedCompressionType},
	{record.ErrInvalidTimestamp, kerr.InvalidTimestamp},
	{record.ErrInvalid, kerr.InvalidRecord},
	{group.ErrLoading, kerr.CoordinatorLoadInProgress},
	{group.ErrUnavailable, kerr.CoordinatorNotAvailable},
	{group.ErrIllegalGeneration, kerr.IllegalGeneration},
	{group.ErrInconsistentProtocol, kerr.InconsistentGroupProtocol},
	{group.ErrInvalidGroupID, kerr.InvalidGroupID},
	{group.ErrUnknownMember, kerr.UnknownMemberID},
	{group.ErrInvalidSession, kerr.InvalidSessionTimeout},
	{group.ErrRebalancing, kerr.RebalanceInProgress},
	{group.ErrMetadataTooLarge, kerr.OffsetMetadataTooLarge},
	{group.ErrCommitTooLarge, kerr.InvalidCommitOffsetSize},
	{group.ErrTooLarge, kerr.UnknownServerError},
	{group.ErrProducerFenced, kerr.InvalidProducerEpoch},
	{group.ErrNotEmpty, kerr.NonEmptyGroup},
	{group.ErrNotFound, kerr.GroupIDNotFound},
	{group.ErrMemberIDRequired, kerr.MemberIDRequired},
	{group.ErrFull, kerr.GroupMaxSizeReached},
	{group.ErrFenced, kerr.FencedInstanceID},
	{group.ErrSubscribed, kerr.GroupSubscribedToTopic},
	{txn.ErrLoading, kerr.CoordinatorLoadInProgress},
	{txn.ErrUnavailable, kerr.CoordinatorNotAvailable},
	{txn.ErrInvalid, kerr.InvalidRequest},
	{txn.ErrInvalidState, kerr.InvalidTxnState},
	{txn.ErrNotPart, kerr.InvalidTxnState},
	{txn.ErrUnknownID, kerr.InvalidProducerIDMapping},
	{txn.ErrInvalidTimeout, kerr.InvalidTransactionTimeout},
	{txn.ErrConcurrent, kerr.ConcurrentTransactions},
	{txn.ErrFenced, kerr.ProducerFenced},
	{txn.ErrNotFound, kerr.TransactionalIDNotFound},
	{context.Canceled, kerr.RequestTimedOut},
	{context.DeadlineExceeded, kerr.RequestTimedOut},
}

// code is the protocol code of an error; 0 for nil.
func code(err error) int16 {
	if err == nil {
		return 0
	}
	if k := (*kerr.Error)(nil); errors.As(err, &k) {
		return k.Code
	}
	for _, c := range codes {
		if errors.Is(err, c.is) {
			return c.code.Code
		}
	}
	return kerr.UnknownServerError.Code
}

// fault is a protocol error with words of its own.
type fault struct {
	kind *kerr.Error
	text string
}

func (f *fault) Error() string { return f.text }
func (f *fault) Unwrap() error { return f.kind }

// failed is the code and text of an error for a client. What the broker itself is to blame for is logged, and the client is told
// no more than that: such errors name files.
func (s *Server) failed(what string, err error) (int16, *string) {
	c := code(err)
	if c != kerr.UnknownServerError.Code && c != kerr.KafkaStorageError.Code {
		return c, message(err)
	}
	if held, ok := s.failures.Allow(time.Now()); ok {
		s.Logger.Error("could not "+what, "error", err, "not_logged_before", held)
	}
	text := "The broker could not " + what + "; its log says why."
	return c, &text
}

// message is the text that goes with an error's code; nil for nil.
func message(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	if k := (*kerr.Error)(nil); errors.As(err, &k) && error(k) == err {
		text = k.Description
	}
	return &text
}
