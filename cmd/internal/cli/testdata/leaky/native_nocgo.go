//go:build !cgo

package main

func allocated() { panic("built without a C compiler") }
