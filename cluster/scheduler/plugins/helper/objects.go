package helper

import "fmt"

// As returns the object's versions before and after an event as T. A version that does not exist is nil.
func As[T any](before, after any) (b, a *T, err error) {
	if b, err = one[T](before); err == nil {
		a, err = one[T](after)
	}
	return b, a, err
}

func one[T any](object any) (*T, error) {
	if object == nil {
		return nil, nil
	}
	typed, ok := object.(*T)
	if !ok {
		return nil, fmt.Errorf("expected %T, but got %T", typed, object)
	}
	return typed, nil
}
