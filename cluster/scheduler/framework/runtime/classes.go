package runtime

// classes remembers answers that depend on a pod's class and a node object: by class, then by slot. An answer holds as long
// as the node's object version does.
type classes[T any] struct {
	byKey map[string]*class[T]
}

// class is the answers for one class of pods. The slices are made at the second use: a class of one pod is not worth them.
type class[T any] struct {
	answers  []T
	versions []int64 // zero: not asked yet
}

// classLimit bounds the memory: 256 classes of 5000 nodes are 20 to 30 MB. A cluster with more classes than that in use
// starts over from time to time.
const classLimit = 256

// find returns the class of a key, or nil if the key is new: then it is noted, and the next pod of the class gets one.
func (c *classes[T]) find(key []byte, slots int) *class[T] {
	found := c.byKey[string(key)]
	if found == nil {
		if c.byKey == nil || len(c.byKey) >= classLimit {
			c.byKey = map[string]*class[T]{}
		}
		c.byKey[string(key)] = &class[T]{}
		return nil
	}
	if more := slots - len(found.answers); more > 0 {
		found.answers = append(found.answers, make([]T, more)...)
		found.versions = append(found.versions, make([]int64, more)...)
	}
	return found
}
