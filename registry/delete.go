package registry

import (
	"context"
	"time"

	"github.com/typelog/typelog/registry/internal/model"
	"github.com/typelog/typelog/registry/internal/store"
)

// DeleteVersion deletes a version softly, or for good if it was softly deleted before. Softly deleted schemas can still
// be read by their ids, and may be registered again. It returns the version's number.
func (r *Registry) DeleteVersion(ctx context.Context, subject string, number int32, permanent bool) (int32, error) {
	var out int32
	err := r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		s := resolve(v, subject)
		versions := v.subject(s)
		if versions == nil {
			return nil, subjectNotFound(s)
		}
		version := versions.version(number)
		if number == model.Latest {
			version = versions.latest()
		}
		if version == nil {
			return nil, versionNotFound(number)
		}
		out = version.Number
		if err := writable(v, s); err != nil {
			return nil, err
		}
		if version.Deleted && !permanent {
			return nil, model.Errorf(model.VersionSoftDeleted,
				"Subject '%s' Version %d was soft deleted.Set permanent=true to delete permanently", s, version.Number)
		}
		if err := r.unreferenced(version, permanent, false); err != nil {
			return nil, err
		}
		if !permanent {
			return []store.Change{store.PutVersion{Version: softly(version)}}, nil
		}
		if !version.Deleted {
			return nil, model.Errorf(model.VersionNotSoftDeleted,
				"Subject '%s' Version %d was not deleted first before being permanently deleted", s, version.Number)
		}
		changes := []store.Change{store.DropVersion{Subject: s, Number: version.Number}}
		if len(versions.versions) == 1 {
			changes = append(changes, forgetSubject(s)...)
		}
		return changes, nil
	})
	return out, err
}

// DeleteSubject deletes all versions of a subject softly, or for good if all were softly deleted before; then its
// configuration and mode go, too. It returns the numbers of the versions that it deleted.
func (r *Registry) DeleteSubject(ctx context.Context, subject string, permanent bool) ([]int32, error) {
	var out []int32
	err := r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		out = []int32{}
		s := resolve(v, subject)
		versions := v.subject(s)
		if versions == nil {
			return nil, subjectNotFound(s)
		}
		if err := writable(v, s); err != nil {
			return nil, err
		}
		if !permanent && versions.latest() == nil {
			return nil, model.Errorf(model.SubjectSoftDeleted,
				"Subject '%s' was soft deleted.Set permanent=true to delete permanently", s)
		}
		var changes []store.Change
		for _, version := range versions.versions {
			if version.Deleted && !permanent {
				continue
			}
			if err := r.unreferenced(version, permanent, true); err != nil {
				return nil, err
			}
			out = append(out, version.Number)
			changes = append(changes, store.PutVersion{Version: softly(version)})
		}
		if !permanent {
			return changes, nil
		}
		if versions.latest() != nil {
			return nil, model.Errorf(model.SubjectNotSoftDeleted,
				"Subject '%s' was not deleted first before being permanently deleted", s)
		}
		return removeSubject(versions), nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Undelete takes back a version's soft deletion and returns its number. Latest means the newest version that is softly
// deleted. A version that is not deleted stays as it is. It is not compared with the others: what was accepted once is
// shown again.
func (r *Registry) Undelete(ctx context.Context, subject string, number int32) (int32, error) {
	var out int32
	err := r.submit(ctx, true, func(v view, _ time.Time) ([]store.Change, error) {
		s := resolve(v, subject)
		versions := v.subject(s)
		if versions == nil {
			return nil, subjectNotFound(s)
		}
		version := versions.version(number)
		if number == model.Latest {
			for _, candidate := range versions.versions {
				if candidate.Deleted {
					version = candidate
				}
			}
		}
		if version == nil {
			return nil, versionNotFound(number)
		}
		out = version.Number
		if err := writable(v, s); err != nil {
			return nil, err
		}
		if !version.Deleted {
			return nil, nil
		}
		back := *version
		back.Deleted = false
		return []store.Change{store.PutVersion{Version: &back}}, nil
	})
	return out, err
}

// softly is a version after its soft deletion.
func softly(v *model.Version) *model.Version {
	c := *v
	c.Deleted = true
	return &c
}

// removeSubject removes a subject for good.
func removeSubject(s *subject) []store.Change {
	var changes []store.Change
	for _, v := range s.versions {
		changes = append(changes, store.DropVersion{Subject: s.name, Number: v.Number})
	}
	return append(changes, forgetSubject(s.name)...)
}

func forgetSubject(s model.Subject) []store.Change {
	return []store.Change{store.DropConfig{Subject: s}, store.DropMode{Subject: s}}
}

// unreferenced refuses to delete what others refer to. Referrers that are softly deleted count only against deleting
// for good; those of the same subject do not count where the whole subject goes.
func (r *Registry) unreferenced(v *model.Version, permanent, whole bool) error {
	for _, by := range r.catalog.referrers[key(v)] {
		if by.Deleted && !permanent || whole && by.Subject == v.Subject {
			continue
		}
		return model.Errorf(model.Referenced,
			"One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=%s,version=%d}.", v.Subject, v.Number)
	}
	return nil
}
