/* The crypto instructions against published vectors: FIPS 197 (AES), FIPS 180-4 (SHA), GB/T 32905
 * (SM3) and 32907 (SM4). The algorithms are driven from here, each step by one guest instruction.
 */
#include "isa/arm64/tests/vecunit.h"

#include "base/bits.h"

const struct isa *const isa_registry[] = {&isa_arm64, NULL};

static struct cpu *cpu;

static union ir_val *reg(unsigned n)
{
    return &arm64_state(cpu)->v[n];
}
static void set(unsigned n, const uint32_t w[4])
{
    memcpy(reg(n), w, 16);
}
static void insn(const char *name, unsigned rd, unsigned rn, unsigned rm, uint32_t more)
{
    assert_int_equal(vecunit_run(cpu, vecunit_word(name, rd, rn, rm, more)), CPU_EXIT_NONE);
}
static int setup(void **unused)
{
    (void)unused;
    cpu = cpu_new(&isa_arm64);
    isa_arm64.reset(cpu);
    return 0;
}
static int teardown(void **unused)
{
    (void)unused;
    cpu_free(cpu);
    return 0;
}

/* ---- AES-128, FIPS 197 appendix B ---- */
static const uint8_t aes_key[16] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,
                                    0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c};
static const uint8_t aes_plain[16] = {0x32, 0x43, 0xf6, 0xa8, 0x88, 0x5a, 0x30, 0x8d,
                                      0x31, 0x31, 0x98, 0xa2, 0xe0, 0x37, 0x07, 0x34};
static const uint8_t aes_cipher[16] = {0x39, 0x25, 0x84, 0x1d, 0x02, 0xdc, 0x09, 0xfb,
                                       0xdc, 0x11, 0x85, 0x97, 0x19, 0x6a, 0x0b, 0x32};

/* The S-box on a word: AESE of a zero key on four equal columns shifts nothing out of place. */
static uint32_t sub_word(uint32_t w)
{
    const uint32_t all[4] = {w, w, w, w}, zero[4] = {0};

    set(0, all);
    set(1, zero);
    insn("c_aese", 0, 1, 0, 0);
    return reg(0)->s[0];
}
static void aes_expand(uint32_t w[44])
{
    uint32_t round = 1;

    memcpy(w, aes_key, 16);
    for (unsigned i = 4; i < 44; i++) {
        uint32_t t = w[i - 1];

        if (i % 4 == 0) {
            t = sub_word(bits_ror32(t, 8)) ^ round;
            round = (round << 1) ^ (round >> 7) * 0x11b;
        }
        w[i] = w[i - 4] ^ t;
    }
}
static void test_aes(void **unused)
{
    uint32_t w[44];

    (void)unused;
    aes_expand(w);
    assert_int_equal(w[43], 0xa60c63b6); /* bytes b6 63 0c a6 */
    memcpy(reg(2), aes_plain, 16);
    for (unsigned i = 0; i < 10; i++) {
        set(3, &w[4 * i]);
        insn("c_aese", 2, 3, 0, 0);
        if (i < 9)
            insn("c_aesmc", 2, 2, 0, 0);
    }
    set(3, &w[40]);
    insn("v_eor", 2, 2, 3, 1u << 30);
    assert_memory_equal(reg(2), aes_cipher, 16);
    /* And back, by the equivalent inverse cipher. */
    for (unsigned i = 10; i > 0; i--) {
        set(3, &w[4 * i]);
        if (i < 10)
            insn("c_aesimc", 3, 3, 0, 0);
        insn("c_aesd", 2, 3, 0, 0);
        if (i > 1)
            insn("c_aesimc", 2, 2, 0, 0);
    }
    set(3, w);
    insn("v_eor", 2, 2, 3, 1u << 30);
    assert_memory_equal(reg(2), aes_plain, 16);
}

/* ---- the padded message "abc" of one block ---- */
static const uint32_t abc[16] = {0x61626380, [15] = 24};

static void test_sha1(void **unused)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    static const uint32_t start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    static const char *const step[4] = {"c_sha1c", "c_sha1p", "c_sha1m", "c_sha1p"};
    const uint32_t e0[4] = {0xc3d2e1f0};

    (void)unused;
    for (unsigned i = 0; i < 4; i++)
        set(8 + i, &abc[4 * i]);
    set(0, start);
    set(1, e0);
    for (unsigned i = 0; i < 20; i++) {
        unsigned w = 8 + i % 4;

        for (unsigned j = 0; j < 4; j++)
            reg(4)->s[j] = reg(w)->s[j] + k[i / 5];
        insn("c_sha1h", 2, 0, 0, 0);
        insn(step[i / 5], 0, 1, 4, 0);
        *reg(1) = *reg(2);
        insn("c_sha1su0", w, 8 + (i + 1) % 4, 8 + (i + 2) % 4, 0);
        insn("c_sha1su1", w, 8 + (i + 3) % 4, 0, 0);
    }
    assert_int_equal(reg(0)->s[0] + start[0], 0xa9993e36);
    assert_int_equal(reg(0)->s[1] + start[1], 0x4706816a);
    assert_int_equal(reg(0)->s[2] + start[2], 0xba3e2571);
    assert_int_equal(reg(0)->s[3] + start[3], 0x7850c26c);
    assert_int_equal(reg(1)->s[0] + e0[0], 0x9cd0d89d);
}

/* Round constants: leading fraction bits of cube roots of primes, found with integers alone. */
static uint64_t cube_root_fraction(unsigned prime)
{
    /* The largest r with r^3 <= prime * 2^192 has them in its low 64 bits; r < 2^67. Compared by
     * quotients so that 128 bits suffice: done bit by bit with three-limb products. */
    unsigned __int128 r = 0;

    for (int bit = 66; bit >= 0; bit--) {
        unsigned __int128 t = r | (unsigned __int128)1 << bit;
        uint64_t t0 = (uint64_t)t, t1 = (uint64_t)(t >> 64), sq[3], cube[4] = {0};
        unsigned __int128 p = (unsigned __int128)t0 * t0;

        sq[0] = (uint64_t)p;
        p = (p >> 64) + (unsigned __int128)t0 * t1 * 2;
        sq[1] = (uint64_t)p;
        sq[2] = (uint64_t)((p >> 64) + t1 * t1);
        p = 0;
        for (unsigned i = 0; i < 4; i++) {
            p += cube[i];
            if (i < 3) {
                unsigned __int128 q = (unsigned __int128)sq[i] * t0;

                p += (uint64_t)q;
                if (i + 1 < 4)
                    cube[i + 1] += (uint64_t)(q >> 64);
            }
            if (i > 0)
                p += (unsigned __int128)sq[i - 1] * t1;
            cube[i] = (uint64_t)p;
            p >>= 64;
        }
        if (cube[3] < prime)
            r = t;
    }
    return (uint64_t)r;
}
static unsigned next_prime(unsigned p)
{
    for (p++;; p++) {
        unsigned d = 2;

        while (d * d <= p && p % d)
            d++;
        if (d * d > p)
            return p;
    }
}

static void test_sha256(void **unused)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static const uint32_t want[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                     0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    unsigned prime = 1;

    (void)unused;
    for (unsigned i = 0; i < 4; i++)
        set(8 + i, &abc[4 * i]);
    set(0, start);
    set(1, start + 4);
    for (unsigned i = 0; i < 16; i++) {
        unsigned w = 8 + i % 4;

        for (unsigned j = 0; j < 4; j++) {
            prime = next_prime(prime);
            reg(4)->s[j] = reg(w)->s[j] + (uint32_t)(cube_root_fraction(prime) >> 32);
        }
        *reg(2) = *reg(0);
        insn("c_sha256h", 0, 1, 4, 0);
        insn("c_sha256h2", 1, 2, 4, 0);
        insn("c_sha256su0", w, 8 + (i + 1) % 4, 0, 0);
        insn("c_sha256su1", w, 8 + (i + 2) % 4, 8 + (i + 3) % 4, 0);
    }
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(reg(i / 4)->s[i & 3] + start[i], want[i]);
}

/* Two rounds: registers 0..3 hold ab, cd, ef, gh (the first in the low lane). */
static void sha512_rounds(unsigned w, const uint64_t k[2])
{
    union ir_val gh_wk = *reg(3);

    gh_wk.d[0] += reg(w)->d[1] + k[1]; /* the second round's, to g */
    gh_wk.d[1] += reg(w)->d[0] + k[0];
    *reg(4) = gh_wk;
    insn("v_ext", 5, 2, 3, 1u << 30 | 8u << 11); /* fg */
    insn("v_ext", 6, 1, 2, 1u << 30 | 8u << 11); /* de */
    insn("c_sha512h", 4, 5, 6, 0);
    *reg(7) = *reg(1);
    insn("v_add", 7, 7, 4, 1u << 30 | 3u << 22); /* the new e and f */
    insn("c_sha512h2", 4, 1, 0, 0);
    *reg(3) = *reg(2);
    *reg(2) = *reg(7);
    *reg(1) = *reg(0);
    *reg(0) = *reg(4);
}
static void test_sha512(void **unused)
{
    static const uint64_t start[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                      0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                      0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    static const uint64_t want[8] = {0xddaf35a193617aba, 0xcc417349ae204131, 0x12e6fa4e89a97ea2,
                                     0x0a9eeee64b55d39a, 0x2192992a274fc1a8, 0x36ba3c23a3feebbd,
                                     0x454d4423643ce80e, 0x2a9ac94fa54ca49f};
    static const uint64_t block[16] = {UINT64_C(0x6162638000000000), [15] = 24};
    unsigned prime = 1;

    (void)unused;
    memcpy(reg(8), block, sizeof(block));
    memcpy(reg(0), start, sizeof(start));
    for (unsigned i = 0; i < 40; i++) {
        unsigned w = 8 + i % 8;
        uint64_t k[2];

        for (unsigned j = 0; j < 2; j++) {
            prime = next_prime(prime);
            k[j] = cube_root_fraction(prime);
        }
        sha512_rounds(w, k);
        insn("v_ext", 16, 8 + (i + 4) % 8, 8 + (i + 5) % 8, 1u << 30 | 8u << 11);
        insn("c_sha512su0", w, 8 + (i + 1) % 8, 0, 0);
        insn("c_sha512su1", w, 8 + (i + 7) % 8, 16, 0);
    }
    for (unsigned i = 0; i < 8; i++)
        assert_true(reg(i / 2)->d[i & 1] + start[i] == want[i]);
}

static void test_sm3(void **unused)
{
    static const uint32_t start[8] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                      0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};
    static const uint32_t want[8] = {0x66c7f0f4, 0x62eeedd9, 0xd1f2d46b, 0xdc10e4e2,
                                     0x4167c487, 0x5cf2f7a2, 0x297da02b, 0x8f4ba8e0};
    uint32_t w[68];

    (void)unused;
    memcpy(w, abc, sizeof(abc));
    for (unsigned i = 16; i < 68; i += 4) { /* the expansion, four words a time */
        set(0, &w[i - 16]);
        set(1, &w[i - 9]);
        set(2, &w[i - 4]);
        insn("c_sm3partw1", 0, 1, 2, 0);
        set(1, &w[i - 6]);
        set(2, &w[i - 13]);
        insn("c_sm3partw2", 0, 1, 2, 0);
        memcpy(&w[i], reg(0), 16);
    }
    for (unsigned i = 0; i < 4; i++) { /* a and e in the top lanes */
        reg(8)->s[i] = start[3 - i];
        reg(9)->s[i] = start[7 - i];
    }
    for (unsigned i = 0; i < 64; i++) {
        uint32_t t = i < 16 ? 0x79cc4519 : 0x7a879d8a;
        const uint32_t tj[4] = {0, 0, 0, bits_rol32(t, i)};
        const uint32_t wj[4] = {w[i], w[i] ^ w[i + 4]};

        set(0, tj);
        set(1, wj);
        insn("c_sm3ss1", 2, 8, 0, 9u << 10); /* a, T, e */
        insn(i < 16 ? "c_sm3tt1a" : "c_sm3tt1b", 8, 2, 1, 1u << 12);
        insn(i < 16 ? "c_sm3tt2a" : "c_sm3tt2b", 9, 2, 1, 0);
    }
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(reg(8 + i / 4)->s[3 - (i & 3)] ^ start[i], want[i]);
}

static void test_sm4(void **unused)
{
    static const uint32_t key[4] = {0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210};
    static const uint32_t system[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
    static const uint32_t want[4] = {0x681edf34, 0xd206965e, 0x86b3e94f, 0x536e4246};

    (void)unused;
    set(1, key);
    for (unsigned i = 0; i < 4; i++)
        reg(0)->s[i] = key[i] ^ system[i];
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 4; j++) { /* CK: bytes (4i + j) * 7 mod 256 */
            reg(2)->s[j] = 0;
            for (unsigned byte = 0; byte < 4; byte++)
                reg(2)->s[j] = reg(2)->s[j] << 8 | (uint8_t)((4 * (4 * i + j) + byte) * 7);
        }
        insn("c_sm4ekey", 0, 0, 2, 0);
        insn("c_sm4e", 1, 0, 0, 0);
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(reg(1)->s[3 - i], want[i]);
}

/* One lane of Keccak's steps, from their definitions. */
static void test_sha3(void **unused)
{
    const uint64_t a = UINT64_C(0x0123456789abcdef), b = UINT64_C(0xf0e1d2c3b4a59687), c = 0x5555;

    (void)unused;
    for (unsigned i = 0; i < 2; i++) {
        reg(0)->d[i] = a + i;
        reg(1)->d[i] = b + i;
        reg(2)->d[i] = c + i;
    }
    insn("c_eor3", 3, 0, 1, 2u << 10);
    insn("c_bcax", 4, 0, 1, 2u << 10);
    insn("c_rax1", 5, 0, 1, 0);
    insn("c_xar", 6, 0, 1, 21u << 10);
    insn("c_xar", 7, 0, 1, 0);
    for (unsigned i = 0; i < 2; i++) {
        uint64_t x = a + i, y = b + i, z = c + i;

        assert_true(reg(3)->d[i] == (x ^ y ^ z));
        assert_true(reg(4)->d[i] == (x ^ (y & ~z)));
        assert_true(reg(5)->d[i] == (x ^ bits_rol64(y, 1)));
        assert_true(reg(6)->d[i] == bits_ror64(x ^ y, 21));
        assert_true(reg(7)->d[i] == (x ^ y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aes),    cmocka_unit_test(test_sha1), cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha512), cmocka_unit_test(test_sha3), cmocka_unit_test(test_sm3),
        cmocka_unit_test(test_sm4),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
