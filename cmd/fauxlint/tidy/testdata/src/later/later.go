// Package later has things left to do.
package later

// TODO: everything. // want `TODO: do it, or write an issue`
