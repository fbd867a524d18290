// Firmware of the case `bare_levels`: every exception level and both worlds, by its own monitor. Writes a letter to the
// serial port for each station; cases.py knows the word they make.
//
//   a       both cpus have come here, at EL3
//   b  c    EL2 is entered; its SMC comes to EL3
//   d  e f  EL1, not secure; its HVC comes to EL2, its SMC to EL3
//   g  h    EL0; its SVC comes to EL1
//   i       the secure timer's interrupt, group 0, comes as FIQ from EL1 to EL3
//   j       secure EL1 reads what only it may see of the interrupt controller
//   k       what is not secure sees nothing there
//   x       an exception that nobody expected
        .set UART, 0x09000000
        .set GICD, 0x08000000
        .set GICC, 0x08010000
        .set FLAG, 0x40200000           // the second cpu is here
        .set CODE, 0x40400000

        .macro say letter
        movz x9, #(UART >> 16), lsl #16
        mov w10, #\letter
        str w10, [x9]
        .endm

        // Only calls and FIQs from below are expected.
        .macro vector where
        .balign 128
        b \where
        .endm
        .macro vectors sync, fiq
        .rept 4
        vector bad
        .endr
        vector bad
        vector bad
        vector bad
        vector bad
        vector \sync
        vector bad
        vector \fiq
        vector bad
        .endm

        .macro answer                   // the letter that the caller left
        movz x9, #(UART >> 16), lsl #16
        str w20, [x9]
        .endm

        .global _start
_start: adr x0, _start                  // flash is the secure world's alone: on from a copy in RAM
        adr x1, end
        movz x2, #(CODE >> 16), lsl #16
1:      ldr x3, [x0], #8
        str x3, [x2], #8
        cmp x0, x1
        b.lo 1b
        dsb sy
        ic ialluis
        dsb sy
        isb
        movz x2, #(CODE >> 16), lsl #16
        add x2, x2, #(copied - _start)
        br x2
copied: mrs x0, CurrentEL
        cmp x0, #12
        b.ne bad
        mrs x1, mpidr_el1
        movz x2, #(FLAG >> 16), lsl #16
        mov x3, #1
        ands x1, x1, #0xff
        b.eq first
        str x3, [x2]
        dsb sy
sleep:  wfe
        b sleep
first:  ldr x3, [x2]
        cbz x3, first
        say 'a'
        adr x0, table3
        msr vbar_el3, x0
        adr x0, table2
        msr vbar_el2, x0
        adr x0, table1
        msr vbar_el1, x0
        msr cptr_el3, xzr
        mov x0, #(1 << 31)
        msr hcr_el2, x0
        mov x0, #0x501                  // RW, HCE, NS
        msr scr_el3, x0
        isb
        adr x0, at_el2
        mov x1, #0x3c9                  // EL2h, all masked
        msr elr_el3, x0
        msr spsr_el3, x1
        mov x20, #0                     // which call is awaited
        eret

at_el2: mrs x0, CurrentEL
        cmp x0, #8
        b.ne bad
        say 'b'
        mov x20, #'c'
        smc #0
        adr x0, at_el1
        mov x1, #0x3c5
        msr elr_el2, x0
        msr spsr_el2, x1
        eret

at_el1: mrs x0, CurrentEL
        cmp x0, #4
        b.ne bad
        say 'd'
        mov x20, #'e'
        hvc #0
        mov x20, #'f'
        smc #0
        adr x0, at_el0
        mov x1, #0x3c0
        msr elr_el1, x0
        msr spsr_el1, x1
        eret
at_el0: say 'g'
        mov x20, #'h'
        svc #0
        b bad                           // it goes on at after0
after0: mov x20, #'i'                   // asks the monitor for the timer, then waits
        smc #1
1:      wfi
        cmp x20, #0
        b.ne 1b
        mov x20, #'j'
        smc #2                          // the other world
        movz x1, #(GICD >> 16), lsl #16 // IGROUPR0 is not for this one
        ldr w2, [x1, #0x80]
        cbnz w2, bad
        say 'k'
        say '\n'
2:      wfi
        b 2b

secure1:                                // secure EL1
        mrs x0, CurrentEL
        cmp x0, #4
        b.ne bad
        movz x1, #(GICD >> 16), lsl #16
        mov w2, #0x00f0
        str w2, [x1, #0x80]
        ldr w2, [x1, #0x80]
        cmp w2, #0xf0
        b.ne bad
        mov x20, #'j'
        smc #3

bad:    say 'x'
        b sleep

call3:  mrs x0, esr_el3
        lsr x1, x0, #26
        cmp x1, #0x17
        b.ne bad
        and x0, x0, #0xffff
        cmp x0, #1
        b.eq timer
        cmp x0, #2
        b.eq to_secure
        cmp x0, #3
        b.eq from_secure
report: answer
        eret

timer:  // Group 0, enabled, as FIQ; the secure timer, 29, expires at once.
        movz x1, #(GICD >> 16), lsl #16
        mov w2, #1
        str w2, [x1]
        str wzr, [x1, #0x80]
        mov w2, #(1 << 29)
        str w2, [x1, #0x100]
        movz x1, #(GICC >> 16), lsl #16
        mov w2, #0xff
        str w2, [x1, #4]
        mov w2, #9                      // group 0, as FIQ
        str w2, [x1]
        mov x0, #0x505                  // and FIQ to EL3
        msr scr_el3, x0
        movz x2, #16, lsl #16           // 17 ms: late enough to meet the wfi
        msr cntps_tval_el1, x2
        mov x2, #1
        msr cntps_ctl_el1, x2
        eret

fiq3:   movz x1, #(GICC >> 16), lsl #16
        ldr w2, [x1, #12]
        and w3, w2, #0x3ff
        cmp w3, #29
        b.ne bad
        mrs x3, spsr_el3
        and x3, x3, #0xf
        cmp x3, #5
        b.ne bad
        msr cntps_ctl_el1, xzr
        str w2, [x1, #16]
        say 'i'
        mov x20, #0
        eret

to_secure:
        mrs x21, elr_el3
        mrs x22, spsr_el3
        mov x0, #0x400
        msr scr_el3, x0
        adr x0, secure1
        mov x1, #0x3c5
        msr elr_el3, x0
        msr spsr_el3, x1
        isb
        eret
from_secure:
        mov x0, #0x501
        msr scr_el3, x0
        msr elr_el3, x21
        msr spsr_el3, x22
        isb
        b report

call2:  mrs x0, esr_el2
        lsr x0, x0, #26
        cmp x0, #0x16
        b.ne bad
        answer
        eret
call1:  mrs x0, esr_el1
        lsr x0, x0, #26
        cmp x0, #0x15
        b.ne bad
        answer
        adr x0, after0
        mov x1, #0x3c5
        msr elr_el1, x0
        msr spsr_el1, x1
        eret

        .balign 2048
table3: vectors call3, fiq3
        .balign 2048
table2: vectors call2, bad
        .balign 2048
table1: vectors call1, bad
        .balign 8
end:
