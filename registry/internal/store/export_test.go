package store

import "context"

// Pragma reads a setting of the store's own connection.
func Pragma(ctx context.Context, s *SQLite, name string) string {
	var value string
	if err := s.db.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
		return err.Error()
	}
	return value
}
