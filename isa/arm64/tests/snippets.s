// Every mnemonic of the base instruction set that EL0 may use, in its usual spellings. All of it must
// lift; see assemble.py. Words after the label `undefined` must not.
    .arch armv8.5-a+crc+rng+flagm+sb+ssbs+predres+memtag
    .text
start:
    adr x0, start
    adrp x1, start
    add x0, x1, #4095, lsl #12
    adds w0, w1, #1
    sub sp, sp, #16
    subs x0, x1, #1
    cmp w3, #0
    cmn x3, #7
    mov x29, sp
    and x0, x1, #0xff00ff00ff00ff00
    orr w0, w1, #0x7
    eor x0, x1, #1
    ands w0, w1, #0xf0
    tst x0, #8
    movz x0, #1, lsl #48
    movn w0, #1
    movk x0, #2, lsl #16
    mov x0, #-1
    sbfm x0, x1, #3, #5
    asr w0, w1, #31
    sxtw x0, w1
    sxtb w0, w1
    sbfiz x0, x1, #3, #7
    sbfx x0, x1, #3, #7
    bfi x0, x1, #3, #7
    bfxil w0, w1, #3, #7
    bfc x0, #4, #4
    ubfx x0, x1, #3, #7
    ubfiz x0, x1, #3, #7
    lsl x0, x1, #1
    lsr w0, w1, #1
    uxtb w0, w1
    uxth w0, w1
    extr x0, x1, x2, #7
    ror w0, w1, #7
    b start
    bl start
    b.lo start
    cbz w0, start
    cbnz x0, start
    tbz w0, #3, start
    tbnz x0, #33, start
    br x0
    blr x30
    ret
    ret x3
    svc #0
    brk #1
    and x0, x1, x2, lsl #3
    bic w0, w1, w2, lsr #3
    orr x0, x1, x2, asr #63
    orn w0, w1, w2, ror #31
    mvn x0, x1
    eor x0, x1, x2
    eon w0, w1, w2
    ands x0, x1, x2
    bics w0, w1, w2
    add x0, x1, x2, lsl #4
    add x0, sp, w2, uxtw #2
    adds w0, w1, w2, sxtb
    sub x0, x1, x2, asr #3
    neg x0, x1
    negs w0, w1
    subs x0, sp, w2, sxth #1
    cmp x0, w1, uxtb
    adc x0, x1, x2
    adcs w0, w1, w2
    sbc x0, x1, x2
    sbcs w0, w1, w2
    ngc x0, x1
    rmif x0, #5, #15
    setf8 w0
    setf16 w1
    cfinv
    axflag
    xaflag
    ccmp x0, x1, #4, ne
    ccmn w0, #31, #0, eq
    csel x0, x1, x2, lt
    csinc w0, w1, w2, gt
    csinv x0, x1, x2, al
    csneg w0, w1, w2, mi
    cset x0, eq
    csetm w0, ne
    cinc x0, x1, vs
    madd x0, x1, x2, x3
    msub w0, w1, w2, w3
    mul x0, x1, x2
    mneg w0, w1, w2
    smaddl x0, w1, w2, x3
    smsubl x0, w1, w2, x3
    smull x0, w1, w2
    umaddl x0, w1, w2, x3
    umsubl x0, w1, w2, x3
    smulh x0, x1, x2
    umulh x0, x1, x2
    udiv x0, x1, x2
    sdiv w0, w1, w2
    lslv x0, x1, x2
    lsrv w0, w1, w2
    asrv x0, x1, x2
    rorv w0, w1, w2
    crc32b w0, w1, w2
    crc32h w0, w1, w2
    crc32w w0, w1, w2
    crc32x w0, w1, x2
    crc32cb w0, w1, w2
    crc32cx w0, w1, x2
    rbit x0, x1
    rev16 w0, w1
    rev32 x0, x1
    rev w0, w1
    rev x0, x1
    clz x0, x1
    cls w0, w1
    pacia x0, sp
    autdb x0, x1
    paciza x0
    autdzb x1
    xpaci x0
    xpacd x0
    pacga x0, x1, sp
    paciasp
    autiasp
    pacibsp
    paciaz
    autibz
    pacia1716
    autib1716
    xpaclri
    braa x0, sp
    blrab x0, x1
    braaz x0
    blrabz x0
    retaa
    retab
    ldraa x0, [x1, #8]!
    ldrab x0, [x1]
    nop
    yield
    wfe
    wfi
    sev
    sevl
    csdb
    bti c
    bti jc
    esb
    hint #127
    clrex
    dsb ish
    dmb ishld
    dmb ishst
    isb
    sb
    ssbb
    pssbb
    str x0, [x1, #32760]
    ldrb w0, [x1, #1]
    ldrh w0, [x1], #2
    ldrsb x0, [x1, #-1]!
    ldrsh w0, [x1]
    ldrsw x0, [x1, #4]
    ldr w0, [x1, w2, sxtw #2]
    ldr x0, [sp, x2, lsl #3]
    strb w0, [x1, x2]
    strh w0, [x1, w2, uxtw]
    ldrsw x0, [x1, x2]
    stur x0, [x1, #-256]
    ldurb w0, [x1, #255]
    ldtr x0, [x1, #8]
    sttrb w0, [x1]
    ldr x0, start
    ldr w0, start
    ldrsw x0, start
    prfm pldl1keep, [x0]
    prfm pldl1keep, start
    prfm pldl1keep, [x0, x1]
    prfum pstl1strm, [x0, #-1]
    stp x0, x1, [sp, #-16]!
    ldp w0, w1, [x2], #8
    ldp x29, x30, [sp, #32]
    ldnp x0, x1, [x2]
    stnp w0, w1, [x2, #8]
    ldpsw x0, x1, [x2, #8]
    ldxr x0, [x1]
    stxrb w0, w1, [x2]
    ldaxrh w0, [x1]
    stlxr w0, x1, [x2]
    ldxp x0, x1, [x2]
    stlxp w0, w1, w2, [x3]
    ldar x0, [x1]
    stlrb w0, [x1]
    ldlar w0, [x1]
    stllr x0, [x1]
    ldapr x0, [x1]
    ldaprb w0, [x1]
    ldapur x0, [x1, #-8]
    ldapursw x0, [x1, #4]
    ldapursh w0, [x1]
    stlur w0, [x1, #12]
    cas x0, x1, [x2]
    casalb w0, w1, [x2]
    casp x0, x1, x2, x3, [x4]
    caspal w0, w1, w2, w3, [x4]
    ldadd x0, x1, [x2]
    ldclral w0, w1, [x2]
    ldeorb w0, w1, [x2]
    ldset x0, x1, [x2]
    ldsmaxh w0, w1, [x2]
    ldsmin x0, x1, [x2]
    ldumax x0, x1, [x2]
    lduminl w0, w1, [x2]
    stadd x0, [x1]
    swpal x0, x1, [x2]
    swpb w0, w1, [x2]
    dc zva, x0
    dc cvac, x0
    dc cvau, x0
    dc cvap, x0
    dc cvadp, x0
    dc civac, x0
    ic ivau, x0
    mrs x0, nzcv
    msr nzcv, x0
    mrs x0, fpcr
    msr fpcr, x0
    mrs x0, fpsr
    msr fpsr, x0
    mrs x0, tpidr_el0
    msr tpidr_el0, x0
    mrs x0, tpidrro_el0
    mrs x0, ctr_el0
    mrs x0, dczid_el0
    mrs x0, cntvct_el0
    mrs x0, cntfrq_el0
    mrs x0, dit
    msr dit, #1
    mrs x0, ssbs
    msr ssbs, x0
    msr ssbs, #1
    mrs x0, rndr
    mrs x0, rndrrs
    mrs x0, midr_el1
    mrs x0, mpidr_el1
    mrs x0, id_aa64isar0_el1
    mrs x0, id_aa64pfr1_el1
    mrs x0, id_aa64mmfr2_el1
    .inst 0
undefined:
    udf #1
    hvc #0
    smc #0
    hlt #1
    dcps1
    eret
    drps
    mrs x0, sctlr_el1
    msr sctlr_el1, x0
    mrs x0, cntpct_el0
    msr daifset, #2
    msr ctr_el0, x0
    tlbi vmalle1
    ic iallu
    dc isw, x0
    at s1e1r, x0
    .inst 0x12800000 | 2 << 21  // movn w, hw 2
    .inst 0x13400000            // sbfm w with N
    .inst 0x92400000 | 63 << 10 | 1 << 22 // and x, reserved bitmask
    .inst 0x0b000000 | 32 << 10 // add w, shift 32
    .inst 0x0bc00000            // add, shift kind 3
    .inst 0x0b201400            // add, extend by 5
    .inst 0x48217c20            // casp, odd rs
    .inst 0xb8c00000 | 1 << 22  // size 2, opc 3
    .inst 0xf8602800 & ~(1 << 14) // ldr, option without bit 1
