package group

import "errors"

// What can be wrong with a request; api turns each into the protocol code in parentheses.
var (
	// ErrLoading: the group's shard is being loaded (14).
	ErrLoading = errors.New("the coordinator is loading")
	// ErrUnavailable: the group is just being removed, or the store failed; the client looks for the coordinator and tries
	// again (15).
	ErrUnavailable = errors.New("the coordinator is not available")
	// ErrIllegalGeneration: not the group's generation (22).
	ErrIllegalGeneration = errors.New("illegal generation")
	// ErrInconsistentProtocol: no protocol that all members support, or another protocol type (23).
	ErrInconsistentProtocol = errors.New("inconsistent group protocol")
	// ErrInvalidGroupID: the group id is empty (24).
	ErrInvalidGroupID = errors.New("invalid group id")
	// ErrUnknownMember: not a member of the group's generation; it has to join anew (25).
	ErrUnknownMember = errors.New("unknown member id")
	// ErrInvalidSession: the session timeout is outside the broker's bounds (26).
	ErrInvalidSession = errors.New("invalid session timeout")
	// ErrRebalancing: a rebalance is under way, the member has to rejoin (27).
	ErrRebalancing = errors.New("rebalance in progress")
	// ErrMetadataTooLarge: the metadata of a committed offset is longer than the broker allows (12).
	ErrMetadataTooLarge = errors.New("offset metadata too large")
	// ErrCommitTooLarge: the commit does not fit one atomic change (28).
	ErrCommitTooLarge = errors.New("offset commit too large")
	// ErrTooLarge: the members' metadata and assignments do not fit one atomic change (-1).
	ErrTooLarge = errors.New("the group's state is too large")
	// ErrProducerFenced: the epoch of the producer that commits is not the newest one (47).
	ErrProducerFenced = errors.New("fenced producer")
	// ErrNotEmpty: the group has members (68).
	ErrNotEmpty = errors.New("the group is not empty")
	// ErrNotFound: there is no such group (69).
	ErrNotFound = errors.New("group not found")
	// ErrMemberIDRequired: join again, with the member id that comes with this (79).
	ErrMemberIDRequired = errors.New("member id required")
	// ErrFull: the group has its maximum of members (81).
	ErrFull = errors.New("the group is full")
	// ErrFenced: another member with the same instance id has taken this one's place (82).
	ErrFenced = errors.New("fenced instance id")
	// ErrSubscribed: members of the group are subscribed to the topic (86).
	ErrSubscribed = errors.New("the group is subscribed to the topic")
)
