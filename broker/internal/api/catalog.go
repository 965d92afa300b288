package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/typelog/typelog/broker/internal/config"
	"github.com/typelog/typelog/broker/internal/log"
	"github.com/typelog/typelog/broker/internal/meta"
)

// topic is a snapshot of a topic; it never changes.
type topic struct {
	name       string
	id         log.TopicID
	partitions int32
	internal   bool
	configs    map[string]string // set on the topic itself
	config     config.Topic
}

// partition names one of the topic's partitions for the engine.
func (t *topic) partition(i int32) log.Partition { return log.Partition{Topic: t.id, Index: i} }

// has reports whether the topic has a partition i.
func (t *topic) has(i int32) bool { return i >= 0 && i < t.partitions }

// Names of the internal topics.
const (
	OffsetsTopic      = "__consumer_offsets"
	TransactionsTopic = "__transaction_state"
)

func isInternal(name string) bool { return name == OffsetsTopic || name == TransactionsTopic }

// Catalog is the topics of a broker: the store's rows and the engine's partitions, kept in step. A topic's partitions are
// made before its row and taken away after it is marked, so that a crash leaves partitions without a row (which the
// engine sets aside) or a marked row (whose deletion Load finishes), never a row without partitions. For the same reason a
// change goes on to its end when the client that asked for it goes away.
type Catalog struct {
	store  *meta.Store
	engine log.Engine
	config *config.Broker
	log    *slog.Logger

	// changing is held while a topic is created, changed or deleted.
	changing sync.Mutex

	// mu guards the maps; it is never held during I/O.
	mu     sync.RWMutex
	byName map[string]*topic
	byID   map[log.TopicID]*topic
}

// LoadCatalog reads the topics, hands the engine their configs and finishes deletions that a crash interrupted. A topic whose
// partitions are gone is reported and answers with errors; empty ones are not put in their place.
func LoadCatalog(ctx context.Context, store *meta.Store, engine log.Engine, cfg *config.Broker,
	logger *slog.Logger) (*Catalog, error) {
	c := &Catalog{
		store: store, engine: engine, config: cfg, log: logger,
		byName: map[string]*topic{}, byID: map[log.TopicID]*topic{},
	}
	now := store.Snapshot()
	for _, row := range now.Deleting() {
		if err := c.finishDelete(ctx, row.ID); err != nil {
			return nil, fmt.Errorf("finish deleting topic %s: %w", row.Name, err)
		}
	}
	for _, row := range now.Topics() {
		t, err := c.snapshot(row)
		if err != nil {
			// Another version took what this one does not: better without that than no topic.
			logger.Error("some of a topic's configs are not valid any more; the broker's hold in their place until they are set again",
				"topic", row.Name, "error", err)
			kept, _ := config.StillValid(row.Configs)
			if t, err = c.snapshot(&meta.Topic{Name: row.Name, ID: row.ID, Partitions: row.Partitions, Configs: kept}); err != nil {
				return nil, err
			}
			t.configs = row.Configs
		}
		for _, p := range partitions(t.id, 0, t.partitions) {
			if _, err := engine.Bounds(p); err != nil {
				logger.Error("a partition cannot be opened; its data may be lost or damaged", "topic", t.name, "partition", p.Index,
					"directory", p.String(), "error", err)
			}
		}
		engine.Configure(t.id, LogConfig(&t.config, t.internal))
		c.put(t)
	}
	return c, nil
}

func (c *Catalog) snapshot(row *meta.Topic) (*topic, error) {
	cfg, err := c.config.Topic(row.Configs)
	if err != nil {
		return nil, err
	}
	t := &topic{name: row.Name, id: row.ID, partitions: row.Partitions, internal: isInternal(row.Name),
		configs: row.Configs, config: cfg}
	return t, nil
}

func (c *Catalog) put(t *topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byName[t.name], c.byID[t.id] = t, t
}

func (c *Catalog) drop(t *topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byName, t.name)
	delete(c.byID, t.id)
}

// named returns the topic of that name, or nil.
func (c *Catalog) named(name string) *topic {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byName[name]
}

// namedBytes is named without a string.
func (c *Catalog) namedBytes(name []byte) *topic {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byName[string(name)]
}

// withID returns the topic of that id, or nil.
func (c *Catalog) withID(id log.TopicID) *topic {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.byID[id]
}

// all returns every topic, by name.
func (c *Catalog) all() []*topic {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.SortedFunc(maps.Values(c.byName), func(a, b *topic) int { return strings.Compare(a.name, b.name) })
}

// errGone is told for changes that are not begun any more.
var errGone = &fault{kerr.RequestTimedOut, "The client went away, or the broker stops: this was not begun. Try again."}

// begin waits for the turn to change topics, which the caller gives back by unlocking changing, and returns the context to
// change them with. What is begun goes on to its end; what is not when the client goes away or the broker stops is not begun:
// a request can name thousands of topics.
func (c *Catalog) begin(ctx context.Context) (context.Context, error) {
	c.changing.Lock()
	if ctx.Err() != nil {
		c.changing.Unlock()
		return nil, errGone
	}
	return context.WithoutCancel(ctx), nil
}

// create makes a topic, or with dry only checks that it could be made. The error carries its protocol code.
func (c *Catalog) create(ctx context.Context, name string, parts int32, configs map[string]string, dry bool) (*topic, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	ctx, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer c.changing.Unlock()
	if t := c.named(name); t != nil {
		return t, &fault{kerr.TopicAlreadyExists, fmt.Sprintf("Topic '%s' already exists.", name)}
	}
	if c.store.Snapshot().Collides(name) {
		return nil, &fault{kerr.InvalidTopicException,
			fmt.Sprintf("Topic '%s' collides with another topic, in whose name '.' and '_' stand the other way round.", name)}
	}
	if !isInternal(name) {
		configs = c.config.Start(configs)
	}
	row := meta.Topic{Name: name, ID: newTopicID(), Partitions: parts, Configs: configs, Created: time.Now().UnixMilli()}
	t, err := c.snapshot(&row)
	if err != nil {
		return nil, &fault{kerr.InvalidConfig, err.Error()}
	}
	if dry {
		return t, nil
	}
	if err := c.engine.Create(ctx, partitions(t.id, 0, parts), LogConfig(&t.config, t.internal)); err != nil {
		return nil, fmt.Errorf("create topic %s: %w", name, err)
	}
	if err := c.store.Create(ctx, row); err != nil {
		if cerr := c.engine.DeleteTopic(ctx, t.id); cerr != nil {
			c.log.Warn("partitions of a topic that was not created are left behind", "topic", name, "id", fmt.Sprintf("%x", t.id), "error", cerr)
		}
		return nil, fmt.Errorf("create topic %s: %w", name, err)
	}
	c.put(t)
	return t, nil
}

// grow gives a topic more partitions.
func (c *Catalog) grow(ctx context.Context, name string, parts int32, dry bool) error {
	ctx, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer c.changing.Unlock()
	t := c.named(name)
	switch {
	case t == nil:
		return kerr.UnknownTopicOrPartition
	case t.internal:
		return &fault{kerr.InvalidPartitions, fmt.Sprintf("The number of partitions of internal topic %s is fixed.", name)}
	case parts == t.partitions:
		return &fault{kerr.InvalidPartitions, fmt.Sprintf("Topic already has %d partition(s).", parts)}
	case parts < t.partitions:
		return &fault{kerr.InvalidPartitions, fmt.Sprintf(
			"The topic %s currently has %d partition(s); %d would not be an increase.", name, t.partitions, parts)}
	case parts > maxPartitions:
		return tooManyPartitions(parts)
	case dry:
		return nil
	}
	if err := c.engine.Create(ctx, partitions(t.id, t.partitions, parts), LogConfig(&t.config, t.internal)); err != nil {
		return fmt.Errorf("add partitions to %s: %w", name, err)
	}
	if err := c.store.SetPartitions(ctx, t.id, parts); err != nil {
		return fmt.Errorf("add partitions to %s: %w", name, err)
	}
	next := *t
	next.partitions = parts
	c.put(&next)
	return nil
}

// configure changes a topic's own configs: edit gets them, must not change them, and returns what they become.
func (c *Catalog) configure(ctx context.Context, name string, dry bool,
	edit func(configs map[string]string) (map[string]string, error)) error {
	ctx, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer c.changing.Unlock()
	t := c.named(name)
	if t == nil {
		return kerr.UnknownTopicOrPartition
	}
	configs, err := edit(t.configs)
	if errors.Is(err, config.ErrUnknown) || errors.Is(err, config.ErrInvalid) {
		return &fault{kerr.InvalidConfig, err.Error()}
	}
	if err != nil {
		return err
	}
	cfg, err := c.config.Topic(configs)
	if err != nil {
		return &fault{kerr.InvalidConfig, err.Error()}
	}
	if dry {
		return nil
	}
	if err := c.store.SetConfigs(ctx, t.id, configs); err != nil {
		return fmt.Errorf("change configs of %s: %w", name, err)
	}
	next := *t
	next.configs, next.config = configs, cfg
	c.engine.Configure(t.id, LogConfig(&cfg, t.internal))
	c.put(&next)
	return nil
}

// remove deletes a topic.
func (c *Catalog) remove(ctx context.Context, t *topic) error {
	ctx, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer c.changing.Unlock()
	if c.withID(t.id) == nil {
		return kerr.UnknownTopicOrPartition
	}
	if err := c.store.MarkDeleting(ctx, t.id); err != nil {
		return fmt.Errorf("delete topic %s: %w", t.name, err)
	}
	c.drop(t)
	if err := c.finishDelete(ctx, t.id); err != nil {
		// The topic is gone for everybody; the next start takes away what is left of it.
		c.log.Warn("a deleted topic's partitions could not be taken away yet", "topic", t.name, "error", err)
	}
	return nil
}

func (c *Catalog) finishDelete(ctx context.Context, id log.TopicID) error {
	if err := c.engine.DeleteTopic(ctx, id); err != nil && !errors.Is(err, log.ErrUnknownPartition) {
		return err
	}
	return c.store.Forget(ctx, id)
}

// FindInternal returns an internal topic's id and number of partitions; 0 partitions if it is not there.
func (c *Catalog) FindInternal(_ context.Context, name string) (log.TopicID, int32, error) {
	if t := c.named(name); t != nil {
		return t.id, t.partitions, nil
	}
	return log.TopicID{}, 0, nil
}

// EnsureInternal returns an internal topic, creating it if it is not there.
func (c *Catalog) EnsureInternal(ctx context.Context, name string, parts int32, configs map[string]string) (log.TopicID, int32, error) {
	t := c.named(name)
	if t == nil {
		var err error
		if t, err = c.create(ctx, name, parts, configs, false); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return log.TopicID{}, 0, err
		}
	}
	return t.id, t.partitions, nil
}

// maxPartitions bounds the partitions of a topic, and of one request to create topics.
const maxPartitions = 10_000

func tooManyPartitions(n int32) error {
	return &fault{kerr.InvalidPartitions, fmt.Sprintf("%d partitions are too many: at most %d are allowed.", n, maxPartitions)}
}

func partitions(id log.TopicID, from, to int32) []log.Partition {
	parts := make([]log.Partition, 0, to-from)
	for i := from; i < to; i++ {
		parts = append(parts, log.Partition{Topic: id, Index: i})
	}
	return parts
}

// newTopicID makes a random id. Those that Kafka reserves (0 and 1) do not come out of it: as in its own, version and
// variant of a random UUID are set. Its tools print ids in URL-safe base64 and take none that begins with '-'.
func newTopicID() log.TopicID {
	var id log.TopicID
	const dash = 62
	for rand.Read(id[:]); id[0]>>2 == dash; {
		rand.Read(id[:])
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

// checkName holds a topic's name against Kafka's rules.
func checkName(name string) error {
	if err := meta.CheckName(name); err != nil {
		return &fault{kerr.InvalidTopicException, err.Error()}
	}
	return nil
}
