// Package meta keeps what the broker knows of itself, durably, in one SQLite file (broker.db): topics with their ids,
// partitions and configs, the broker's dynamic configs, the producer ids that were given out, and the leader epoch.
//
// When a method that changes something returns nil, the change survives a crash of the machine: one transaction, WAL,
// synchronous=FULL. Reads come from an immutable Snapshot and touch no disk. There is one writer at a time, and one process
// on the file, which the owner of the data directory sees to.
//
// It must not know protocols, records or where partitions lie. Deletion takes two steps, so that a crash between them
// loses nothing: MarkDeleting takes the topic out of sight, and once its partitions are gone, Forget removes the row. At a
// start, Snapshot.Deleting names what is left to finish.
//
// Flow: api -> meta -> broker.db.
package meta

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Kinds of errors. Errors of a cancelled context are returned as they are.
var (
	// ErrExists: there is a topic of that name or id.
	ErrExists = errors.New("topic exists")
	// ErrUnknownTopic: there is no topic of that id.
	ErrUnknownTopic = errors.New("unknown topic")
	// ErrInvalid: the topic's name, id or number of partitions cannot be.
	ErrInvalid = errors.New("invalid topic")
	// ErrNewer: the file was written by a newer version.
	ErrNewer = errors.New("written by a newer version")
	// ErrCorrupt: the file is damaged, or not a broker's.
	ErrCorrupt = errors.New("corrupt metadata")
	// ErrStorage: the file could not be read or written, a full disk say. Nothing was changed.
	ErrStorage = errors.New("metadata storage failed")
	// ErrExhausted: a counter has no numbers left.
	ErrExhausted = errors.New("no numbers left")
)

// TopicID is a topic's permanent id (KIP-516).
type TopicID = [16]byte

// Topic is one topic. It never changes; a changed topic is another Topic.
type Topic struct {
	ID         TopicID
	Name       string
	Partitions int32
	Configs    map[string]string // set on the topic itself
	Created    int64             // milliseconds since the epoch
	// Changed is the number of the change that made it what it is; see Snapshot.Version.
	Changed int64
	// Deleting: it was deleted for everybody, and its partitions may not be gone yet.
	Deleting bool
}

// Snapshot is everything at one moment. It never changes and is safe for concurrent use.
type Snapshot struct {
	version  int64
	byName   map[string]*Topic
	byID     map[TopicID]*Topic // those being deleted, too
	folded   map[string]int     // topics by name with '.' as '_'
	configs  map[string]string  // of the broker
	epoch    int32
	producer int64 // the next producer id
}

// Version is the number of the last change of a topic or of the broker's configs. It grows with every one.
func (s *Snapshot) Version() int64 { return s.version }

// ByName returns the topic of that name, or nil. Topics being deleted have no name any more.
func (s *Snapshot) ByName(name string) *Topic { return s.byName[name] }

// ByID returns the topic of that id, or nil. It may be one that is being deleted.
func (s *Snapshot) ByID(id TopicID) *Topic { return s.byID[id] }

// Len is the number of topics, without those being deleted.
func (s *Snapshot) Len() int { return len(s.byName) }

// Topics returns all topics but those being deleted, by name. The slice is the caller's.
func (s *Snapshot) Topics() []*Topic {
	return sorted(maps.Values(s.byName), func(*Topic) bool { return true })
}

// Deleting returns the topics whose deletion is not finished. The slice is the caller's.
func (s *Snapshot) Deleting() []*Topic {
	return sorted(maps.Values(s.byID), func(t *Topic) bool { return t.Deleting })
}

// ChangedSince returns the topics that changed after version, those being deleted among them. A topic that was
// forgotten is in no snapshot, so a cache drops what ByID does not know.
func (s *Snapshot) ChangedSince(version int64) []*Topic {
	if version >= s.version {
		return nil
	}
	return sorted(maps.Values(s.byID), func(t *Topic) bool { return t.Changed > version })
}

func sorted(topics func(func(*Topic) bool), keep func(*Topic) bool) []*Topic {
	var out []*Topic
	for t := range topics {
		if keep(t) {
			out = append(out, t)
		}
	}
	slices.SortFunc(out, func(a, b *Topic) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return slices.Compare(a.ID[:], b.ID[:])
	})
	return out
}

// Collides reports whether a topic of another name is the same once '.' and '_' count as one, which confuses metrics
// (Kafka refuses to create such topics).
func (s *Snapshot) Collides(name string) bool {
	n := s.folded[fold(name)]
	if s.byName[name] != nil {
		n--
	}
	return n > 0
}

// BrokerConfigs are the broker's dynamic configs. The map is the caller's.
func (s *Snapshot) BrokerConfigs() map[string]string { return maps.Clone(s.configs) }

// Epoch is the broker's leader epoch.
func (s *Snapshot) Epoch() int32 { return s.epoch }

func fold(name string) string { return strings.ReplaceAll(name, ".", "_") }

// with returns a copy in which t has replaced the topic of its id.
func (s *Snapshot) with(t *Topic) *Snapshot {
	next := s.without(t.ID)
	next.byID[t.ID] = t
	if !t.Deleting {
		next.byName[t.Name] = t
		next.folded[fold(t.Name)]++
	}
	return next
}

// without returns a copy that lacks the topic of that id.
func (s *Snapshot) without(id TopicID) *Snapshot {
	next := *s
	next.byID, next.byName, next.folded = maps.Clone(s.byID), maps.Clone(s.byName), maps.Clone(s.folded)
	if old := s.byID[id]; old != nil {
		delete(next.byID, id)
		if !old.Deleting {
			delete(next.byName, old.Name)
			if f := fold(old.Name); next.folded[f] == 1 {
				delete(next.folded, f)
			} else {
				next.folded[f]--
			}
		}
	}
	return &next
}

const maxName = 249

// CheckName holds a topic's name against Kafka's rules: 1 to 249 characters of [a-zA-Z0-9._-], and not "." or "..". The
// error wraps ErrInvalid.
func CheckName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the name is empty", ErrInvalid)
	case name == "." || name == "..":
		return fmt.Errorf("%w: the name cannot be %q", ErrInvalid, name)
	case len(name) > maxName:
		return fmt.Errorf("%w: a name of %d characters; at most %d are allowed", ErrInvalid, len(name), maxName)
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return fmt.Errorf("%w: the name %q has a character that is none of a-z A-Z 0-9 . _ -", ErrInvalid, name)
		}
	}
	return nil
}
