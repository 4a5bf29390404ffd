;; A plugin of the plugin_system workloads: a life cycle, event handlers, messages to other plugins, a small allocator and
;; digests. host.go says what the host offers it. "go generate" makes plugin-1.0.0.wasm and plugin-1.0.1.wasm of this file;
;; they differ in the version alone.
;;
;; Memory: 16 the version, 64 a counter for each of 64 handlers, from 1024 the heap. A block of the heap is preceded by its
;; size and, while it is free, the address of the next free block.
(module
  (import "host" "send" (func $send (param $to i32) (param $at i32) (param $size i32) (result i32)))
  (import "host" "subscribe" (func $subscribe (param $handler i32)))
  (import "host" "digest" (func $digest (param $kind i32) (param $at i32) (param $size i32) (param $out i32)))

  (memory (export "memory") 1)
  (data (i32.const 16) "1.0.0")

  ;; 0 loaded, 1 initialised, 2 started, 3 stopped
  (global $state (mut i32) (i32.const 0))
  (global $end (mut i32) (i32.const 1024)) ;; of the heap
  (global $free (mut i32) (i32.const 0))   ;; the first free block
  (global $live (mut i32) (i32.const 0))   ;; bytes given out
  (global $messages (mut i32) (i32.const 0))
  (global $sum (mut i32) (i32.const 0))    ;; of the bytes of all messages

  (func (export "version") (result i32) (i32.const 16))
  (func (export "state") (result i32) (global.get $state))
  (func (export "live") (result i32) (global.get $live))
  (func (export "messages") (result i32) (global.get $messages))
  (func (export "sum") (result i32) (global.get $sum))

  ;; Goes from one state to another; answers 0 when the plugin is not in the first.
  (func $change (param $from i32) (param $to i32) (result i32)
    (if (i32.ne (global.get $state) (local.get $from)) (then (return (i32.const 0))))
    (global.set $state (local.get $to))
    (i32.const 1))

  ;; Initialises, with so many event handlers.
  (func (export "init") (param $handlers i32) (result i32)
    (local $i i32)
    (if (i32.gt_u (local.get $handlers) (i32.const 64)) (then (return (i32.const 0))))
    (if (i32.eqz (call $change (i32.const 0) (i32.const 1))) (then (return (i32.const 0))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $handlers)))
      (call $subscribe (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (i32.const 1))
  (func (export "start") (result i32) (call $change (i32.const 1) (i32.const 2)))
  (func (export "stop") (result i32) (call $change (i32.const 2) (i32.const 3)))

  ;; Counts an event for its handler, while the plugin is started; answers the sum of its bytes.
  (func (export "event") (param $handler i32) (param $at i32) (param $size i32) (result i32)
    (local $counter i32)
    (if (i32.ne (global.get $state) (i32.const 2)) (then (return (i32.const 0))))
    (local.set $counter (i32.add (i32.const 64) (i32.shl (i32.and (local.get $handler) (i32.const 63)) (i32.const 2))))
    (i32.store (local.get $counter) (i32.add (i32.load (local.get $counter)) (i32.const 1)))
    (call $add (local.get $at) (local.get $size)))
  (func (export "handled") (param $handler i32) (result i32)
    (i32.load (i32.add (i32.const 64) (i32.shl (i32.and (local.get $handler) (i32.const 63)) (i32.const 2)))))

  ;; Writes a message into memory of its own and sends it; answers 1 when it is on its way.
  (func (export "talk") (param $to i32) (param $size i32) (param $seed i32) (result i32)
    (local $at i32) (local $ok i32)
    (local.set $at (call $alloc (local.get $size)))
    (if (i32.eqz (local.get $at)) (then (return (i32.const 0))))
    (call $fill (local.get $at) (local.get $size) (local.get $seed))
    (local.set $ok (call $send (local.get $to) (local.get $at) (local.get $size)))
    (call $release (local.get $at))
    (local.get $ok))
  ;; Receives one, which the host put at an address that it got of alloc.
  (func (export "message") (param $at i32) (param $size i32)
    (global.set $messages (i32.add (global.get $messages) (i32.const 1)))
    (global.set $sum (i32.add (global.get $sum) (call $add (local.get $at) (local.get $size))))
    (call $release (local.get $at)))

  ;; Sums bytes.
  (func $add (export "add") (param $at i32) (param $size i32) (result i32)
    (local $sum i32) (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next)))
    (local.get $sum))

  ;; Fills with bytes of Marsaglia's xorshift32, whose seed is not 0.
  (func $fill (export "fill") (param $at i32) (param $size i32) (param $seed i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (local.set $seed (i32.xor (local.get $seed) (i32.shl (local.get $seed) (i32.const 13))))
      (local.set $seed (i32.xor (local.get $seed) (i32.shr_u (local.get $seed) (i32.const 17))))
      (local.set $seed (i32.xor (local.get $seed) (i32.shl (local.get $seed) (i32.const 5))))
      (i32.store8 (local.get $at) (local.get $seed))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))))

  ;; Has count equal parts of what is at an address digested, each into 32 bytes; answers where the digests are, or 0.
  (func (export "digests") (param $kind i32) (param $at i32) (param $size i32) (param $count i32) (result i32)
    (local $out i32) (local $part i32) (local $i i32)
    (local.set $out (call $alloc (i32.shl (local.get $count) (i32.const 5))))
    (if (i32.eqz (local.get $out)) (then (return (i32.const 0))))
    (local.set $part (i32.div_u (local.get $size) (local.get $count)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
      (call $digest (local.get $kind)
        (i32.add (local.get $at) (i32.mul (local.get $i) (local.get $part))) (local.get $part)
        (i32.add (local.get $out) (i32.shl (local.get $i) (i32.const 5))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $out))

  ;; The smallest free block that is large enough, or a new one at the end of the heap; 0 when memory does not grow.
  (func $alloc (export "alloc") (param $size i32) (result i32)
    (local $at i32) (local $before i32) (local $best i32) (local $link i32) (local $pages i32)
    (local $has i32) (local $fits i32)
    (local.set $size (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8)))
    (local.set $fits (i32.const -1)) ;; the largest there is, unsigned
    (local.set $at (global.get $free))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $at)))
      (local.set $has (i32.load (i32.sub (local.get $at) (i32.const 8))))
      (if (i32.and (i32.ge_u (local.get $has) (local.get $size)) (i32.lt_u (local.get $has) (local.get $fits))) (then
        (local.set $fits (local.get $has))
        (local.set $best (local.get $at))
        (local.set $link (local.get $before))))
      (local.set $before (local.get $at))
      (local.set $at (i32.load (i32.sub (local.get $at) (i32.const 4))))
      (br $next)))
    (if (local.get $best) (then
      (local.set $at (i32.load (i32.sub (local.get $best) (i32.const 4))))
      (if (local.get $link)
        (then (i32.store (i32.sub (local.get $link) (i32.const 4)) (local.get $at)))
        (else (global.set $free (local.get $at))))
      (global.set $live (i32.add (global.get $live) (local.get $fits)))
      (return (local.get $best))))
    (local.set $best (i32.add (global.get $end) (i32.const 8)))
    (local.set $pages (i32.sub
      (i32.shr_u (i32.add (i32.add (local.get $best) (local.get $size)) (i32.const 65535)) (i32.const 16))
      (memory.size)))
    (if (i32.gt_s (local.get $pages) (i32.const 0)) (then
      (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then (return (i32.const 0))))))
    (global.set $end (i32.add (local.get $best) (local.get $size)))
    (i32.store (i32.sub (local.get $best) (i32.const 8)) (local.get $size))
    (global.set $live (i32.add (global.get $live) (local.get $size)))
    (local.get $best))

  (func $release (export "release") (param $at i32)
    (global.set $live (i32.sub (global.get $live) (i32.load (i32.sub (local.get $at) (i32.const 8)))))
    (i32.store (i32.sub (local.get $at) (i32.const 4)) (global.get $free))
    (global.set $free (local.get $at))))
