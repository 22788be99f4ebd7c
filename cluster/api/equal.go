package api

import "bytes"

// Message is what the generated API types implement: a protobuf encoding with sorted map keys.
type Message interface {
	Size() int
	MarshalToSizedBuffer([]byte) (int, error)
}

// Equal reports whether two values of one type have the same encoding, which is how the API server decides whether an
// update changes anything. Nil and empty slices or maps are equal; quantities of one value are equal.
func Equal[M Message](a, b M) bool {
	n := a.Size()
	if n != b.Size() {
		return false
	}
	buf := make([]byte, 2*n)
	encode(a, buf[:n])
	encode(b, buf[n:])
	return bytes.Equal(buf[:n], buf[n:])
}

func encode(m Message, buf []byte) {
	if _, err := m.MarshalToSizedBuffer(buf); err != nil {
		panic("api: encoding a typed object failed: " + err.Error())
	}
}

// EqualObjects is Equal for objects of the same resource.
func EqualObjects(a, b Object) bool {
	return a == b || Equal(a.(Message), b.(Message))
}
