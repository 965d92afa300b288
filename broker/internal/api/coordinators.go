package api

// Coordinators are the rooms behind the handlers of consumer groups and producer ids.
type Coordinators struct {
}
