// Package protojson stands in for the real one.
package protojson
