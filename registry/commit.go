package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// maxBatch is how many changes are planned and flushed together at most.
const maxBatch = 256

// commitTimeout bounds one transaction, waiting for another process's lock included.
const commitTimeout = 30 * time.Second

// errClosed is told to changes that come after Close.
var errClosed = errors.New("the registry is shutting down")

// change is one requested change on its way to the disk.
type change struct {
	// plan decides against the view what to change. It may be called several times, if another node was faster. It
	// must not keep the view.
	plan func(view, time.Time) ([]store.Change, error)
	// alone: plan looks at more than a draft shows, or changes more than a draft knows.
	alone bool
	// timeout bounds the transaction of a change that travels alone; 0 is commitTimeout.
	timeout time.Duration
	done    chan error
	err     error // what plan said
}

// submit has the committer plan and flush one change, and waits until it is durable and visible. If ctx ends first the
// change may still happen.
func (r *Registry) submit(ctx context.Context, alone bool, plan func(view, time.Time) ([]store.Change, error)) error {
	return r.send(ctx, &change{plan: plan, alone: alone, done: make(chan error, 1)})
}

// submitFor is submit for a change that travels alone and may take long.
func (r *Registry) submitFor(ctx context.Context, timeout time.Duration, plan func(view, time.Time) ([]store.Change, error)) error {
	return r.send(ctx, &change{plan: plan, alone: true, timeout: timeout, done: make(chan error, 1)})
}

func (r *Registry) send(ctx context.Context, c *change) error {
	select {
	case r.changes <- c:
	case <-r.stopping:
		return model.Errorf(model.StoreFailed, "Register operation failed: %v", errClosed)
	case <-ctx.Done():
		return timedOut(ctx)
	}
	select {
	case err := <-c.done:
		return err
	case <-r.stopped:
		// The committer answers everything that it took; what it left behind was not done.
		select {
		case err := <-c.done:
			return err
		default:
			return model.Errorf(model.StoreFailed, "Register operation failed: %v", errClosed)
		}
	case <-ctx.Done():
		return timedOut(ctx)
	}
}

func timedOut(ctx context.Context) error {
	return &model.Error{Kind: model.StoreTimeout, Message: "Operation timed out", Cause: context.Cause(ctx)}
}

// commit is the one goroutine that changes the registry. It plans all changes that wait, each on top of the ones
// before, flushes them in one transaction, shows them to readers, and only then answers.
func (r *Registry) commit() {
	defer close(r.stopped)
	var held *change // a change that has to travel alone, taken while a batch was gathered
	for {
		var batch []*change
		if held != nil {
			batch, held = append(batch, held), nil
		} else {
			select {
			case c := <-r.changes:
				batch = append(batch, c)
			case <-r.stopping:
				return
			}
		}
		for !batch[0].alone && len(batch) < maxBatch && held == nil {
			select {
			case c := <-r.changes:
				if c.alone {
					held = c
				} else {
					batch = append(batch, c)
				}
				continue
			default:
			}
			break
		}
		r.flush(batch)
	}
}

// flush plans and applies a batch, again where another node was faster.
func (r *Registry) flush(batch []*change) {
	ctx, cancel := context.WithTimeout(context.Background(), max(commitTimeout, batch[0].timeout))
	defer cancel()
	for attempt := 1; ; attempt++ {
		d := newDraft(r.catalog)
		now := r.now()
		for _, c := range batch {
			var changes []store.Change
			if changes, c.err = r.safely(c, d, now); c.err == nil {
				d.add(changes)
			}
		}
		err := r.applyDraft(ctx, d)
		if errors.Is(err, store.ErrConflict) && attempt < 100 {
			if err = r.catchUp(ctx); err == nil {
				continue
			}
		}
		for _, c := range batch {
			if c.err == nil && err != nil {
				c.err = &model.Error{Kind: model.StoreFailed, Message: "Error while writing to the registry's store", Cause: err}
			}
			c.done <- c.err
		}
		if err != nil {
			r.log.Error("registry: a change could not be stored", slog.Any("error", err))
		}
		return
	}
}

// safely plans one change. A fault of ours in it fails that change and not the process; a plan changes nothing before it
// returns.
func (r *Registry) safely(c *change, v view, now time.Time) (changes []store.Change, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			r.log.Error("registry: a change failed", slog.Any("fault", fault), slog.String("stack", string(debug.Stack())))
			changes, err = nil, model.Errorf(model.Internal, "Internal Server Error")
		}
	}()
	return c.plan(v, now)
}

func (r *Registry) applyDraft(ctx context.Context, d *draft) error {
	if len(d.changes) == 0 {
		return nil
	}
	at, err := r.store.Apply(ctx, r.catalog.at, d.changes)
	if err != nil {
		return err
	}
	r.publish(at, d.changes)
	return nil
}

// publish shows flushed changes to readers, and takes back what the contract's cache had concluded from the old state.
func (r *Registry) publish(at store.Position, changes []store.Change) {
	r.catalog.mu.Lock()
	defer r.catalog.mu.Unlock()
	for _, c := range changes {
		switch c := c.(type) {
		case store.PutVersion:
			r.guards.forget(c.Version.Subject)
			if old := r.catalog.subject(c.Version.Subject).version(c.Version.Number); old != nil && !old.Schema.Same(c.Version.Schema) {
				r.forgetReferrers(key(old))
			}
		case store.DropVersion:
			r.guards.forget(c.Subject)
			r.forgetReferrers(versionKey{c.Subject, c.Number})
		case store.PutConfig, store.DropConfig:
			r.guards.forgetAll() // it may be an alias
		}
		r.catalog.apply(c)
	}
	r.catalog.at = at
}

// forgetReferrers forgets what schemas meant that refer to a version which goes or becomes another: imports do that. The
// caller holds the catalog's lock.
func (r *Registry) forgetReferrers(k versionKey) {
	if r.catalog.refersTo(k) {
		r.parses.clear()
		r.verdicts.clear()
		r.guards.forgetAll()
	}
}

// catchUp reads what another node has changed.
func (r *Registry) catchUp(ctx context.Context) error {
	var changes []store.Change
	at, err := r.store.Since(ctx, r.catalog.at, func(c store.Change) error {
		changes = append(changes, c)
		return nil
	})
	if errors.Is(err, store.ErrTooOld) {
		return r.reload(ctx)
	}
	if err != nil {
		return err
	}
	r.publish(at, changes)
	return nil
}

// reload reads everything.
func (r *Registry) reload(ctx context.Context) error {
	fresh := newCatalog()
	at, err := r.store.Load(ctx, func(c store.Change) error {
		fresh.apply(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load the registry: %w", err)
	}
	r.catalog.mu.Lock()
	defer r.catalog.mu.Unlock()
	c := r.catalog
	c.at, c.subjects, c.contexts, c.configs = at, fresh.subjects, fresh.contexts, fresh.configs
	c.modes, c.referrers = fresh.modes, fresh.referrers
	r.guards.forgetAll()
	return nil
}
