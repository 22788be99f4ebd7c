package framework

import (
	"fmt"
	"math/bits"
)

// PluginID numbers a plugin name within one scheduler.
type PluginID uint8

// NoPlugin is the absence of a plugin.
const NoPlugin PluginID = 0

// maxPlugins is how many a PluginSet holds; the default profile has 20.
const maxPlugins = 63

// PluginSet is a set of plugins.
type PluginSet uint64

// Has reports whether the set holds the plugin.
func (s PluginSet) Has(id PluginID) bool { return s&(1<<id) != 0 }

// With returns the set with the plugin.
func (s PluginSet) With(id PluginID) PluginSet { return s | 1<<id }

// Len returns the number of plugins.
func (s PluginSet) Len() int { return bits.OnesCount64(uint64(s)) }

// Each visits the plugins by number.
func (s PluginSet) Each(visit func(PluginID)) {
	for s != 0 {
		visit(PluginID(bits.TrailingZeros64(uint64(s))))
		s &= s - 1
	}
}

// PluginNames numbers plugin names.
type PluginNames struct {
	ids   map[string]PluginID
	names []string
}

// NewPluginNames returns an empty table.
func NewPluginNames() *PluginNames {
	return &PluginNames{ids: map[string]PluginID{}, names: []string{""}}
}

// ID returns a name's number, giving it one if it is new.
func (n *PluginNames) ID(name string) PluginID {
	if name == "" {
		return NoPlugin
	}
	if id, ok := n.ids[name]; ok {
		return id
	}
	if len(n.names) > maxPlugins {
		panic(fmt.Sprintf("framework: more than %d plugins", maxPlugins))
	}
	id := PluginID(len(n.names))
	n.ids[name] = id
	n.names = append(n.names, name)
	return id
}

// Name returns the name of a number.
func (n *PluginNames) Name(id PluginID) string { return n.names[id] }

// Names returns the names of a set, in the order they were numbered.
func (n *PluginNames) Names(s PluginSet) []string {
	names := make([]string, 0, s.Len())
	s.Each(func(id PluginID) { names = append(names, n.names[id]) })
	return names
}
