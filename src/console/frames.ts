// Stack traces: which lines belong to one, and which function of one is to blame.

// x86 ` foo+0x1/0x2`, arm64 ` foo+0x1/0x2 (P)`, old ` [<ffff…>] foo+0x1/0x2`, s390 and powerpc ` [<…>] foo+…` alike.
const frame =
  /^\s{0,8}(?:<\/?[A-Z#]{2,8}> {1,2})?(?:\([A-Z ]{1,4}\) ?)?(?:#\d{1,2}:? )?(?:\[[<0-9a-f>]{8,20}\] ){0,2}(\? )?(?:\[[<0-9a-f>]{8,20}\] )?\(?([A-Za-z_][\w.$]{0,200})\+0x[0-9a-f]{1,8}\/0x[0-9a-f]{1,8}/;
/** Symbolised: ` foo mm/foo.c:12 [inline]`. */
const inlined = /^\s{1,8}([A-Za-z_][\w.$]{0,200}) \S{1,200}\.[chS]:\d{1,7}(?:\s|$)/;
/** 32-bit ARM: ` foo from bar+0x10/0x20`, before 5.18 `[<c0…>] (foo) from [<c0…>] (bar+0x10/0x20)`. */
const from =
  /^\s{0,4}(?:\[<[0-9a-f]{8}>\] )?\(?([A-Za-z_][\w.$]{0,200})\)? from (?:\[<|[A-Za-z_]\w*\+0x|0x)/;
const rip =
  /^(?:RIP: (?:0010|0018|0008|e033):|pc : |epc : |EIP: |PC is at |NIP \[[0-9a-f]+\] )(?:\[<[0-9a-f]+>\] )?(?:_{0,4}raw )?([A-Za-z_][\w.$]{0,200})\+0x/;

/** The function of a trace line, '' for an unreliable one (`?`), undefined for a line that is no frame. */
export function frameOf(text: string): string | undefined {
  const match = frame.exec(text);
  if (match !== null) return match[1] === undefined ? baseName(match[2] ?? '') : '';
  const other = inlined.exec(text) ?? from.exec(text);
  return other === null ? undefined : baseName(other[1] ?? '');
}

/** The kernel function the program counter was in, from a register dump's line. */
export function counterOf(text: string): string | undefined {
  const match = rip.exec(text);
  return match === null ? undefined : baseName(match[1] ?? '');
}

/** `foo.constprop.0` → `foo`: the suffix is the compiler's and differs between builds. */
export function baseName(name: string): string {
  return name.replace(/\.(?:isra|constprop|part|cold|llvm|lto_priv|__uniq|localalias)\b.*$/, '');
}

/** How a trace begins. */
export const traceStart = /^\s*(?:Call [Tt]race:|Backtrace:|Stack trace:|stack backtrace:)/;

/** Lines that only ever belong to a report. */
const reportLine = new RegExp(
  [
    // registers and code
    /\s{0,2}(?:RIP|RSP|RAX|RBX|RCX|RDX|RSI|RDI|RBP|R0\d|R1\d|EIP|EAX|ESI|EFLAGS|FS|CS|DS|CR[0-4]|DR[0-7]|PKRU|Code|SSP): ?/,
    /(?:pstate|pc|lr|sp|epc|x\d{1,2}|ra|gp|tp|t\d|s\d{1,2}|a\d) ?: /,
    /r\d{1,2}:[0-9a-f]{8}/,
    // who and where
    /(?:CPU: \d|CPU#\d|CPU \d+ PID|Hardware name:|Workqueue:|Tainted: |Modules linked in:|Unloaded tainted|Comm: |Call [Tt]race:|Backtrace:|Stack:|Sending NMI|NMI backtrace|Kernel Offset:|Dumping ftrace|Rebooting in|Shutting down cpus|Exception|Internal error|Oops|#PF: |PGD |PMD |note: |task:|stack:|\(Loading|---\[ end |Mem abort|Data abort|ESR = |EC = |SET = |FSC = |ISV = |CM = |GCS = |user pgtable|swapper pgtable|\[[0-9a-f]{16}\] (?:pgd|address))/,
    /<\/?(?:TASK|IRQ|NMI|SOFTIRQ|EOI|#DF|#DB|#VC|#MC|ENTRY_TRAMPOLINE)>/,
    /(?:irq event stamp|hardirqs last|softirqs last|no locks held|\d+ locks? held|INFO: lockdep is turned off|Preemption disabled|preempt_count|in_atomic|RCU nest depth|Showing all locks|other info that might|stack backtrace|Last (?:potentially related work creation|breaking-event)|2 locks)/,
    / {0,3}#\d{1,2}: {1,3}[0-9a-f(]/,
    // memory reports
    /(?:Read|Write|Free) (?:of|at)|(?:Allocated|Freed|Last|Uninit|Local variable|Bytes?) (?:by|was|potentially|\d)|The buggy address|Memory state around|page(?::| last| dumped|_owner|_type| has)|head: |flags: |raw: |memcg:|aops:|anon flags|ksm flags|page_type:|addr:|file:|kfence-#|allocated by task|freed by task|Object |Redzone |Padding |Slab 0x|CPU \d |>?[ ]?[0-9a-f]{16}: /,
    /rcu: |\(detected by|blocking rcu_node|"echo 0 >|Not tainted|Kernel panic - not syncing|Showing busy workqueues|workqueue \w+: flags|pool \d+:|Showing backtraces/,
    /unreferenced object|comm "|hex dump|backtrace(?: \(crc|:)|index \d|shift exponent|signed integer|load of|member access|null pointer|left shift|negation/,
  ]
    .map((one) => one.source)
    .map((source) => `\\s*(?:${source})`)
    .join('|')
    .replace(/^/, '^(?:')
    .replace(/$/, ')'),
);

/** Whether a line looks like part of a kernel report and not like ordinary log output. */
export function isReportLine(text: string): boolean {
  return frameOf(text) !== undefined || reportLine.test(text);
}

// Functions that only carry the message: what reports, checks, locks, waits, copies, or enters the kernel.
const generic = new RegExp(
  `^(?:${[
    'dump_stack(?:_lvl)?|__dump_stack|show_stack|print_\\w+|__warn\\w*|warn_slowpath\\w*|report_bug|handle_bug|panic|vpanic|check_panic_on_warn|die|die_\\w+|oops_\\w+|__die\\w*|bug_\\w*handler|call_break_hook|do_debug_exception|brk_handler|el1\\w*|__el1\\w*|do_mem_abort|do_sp_pc_abort|do_trap\\w*|do_error_trap|do_invalid_op|exc_\\w+|asm_exc_\\w+|asm_sysvec_\\w+|sysvec_\\w+|__sysvec\\w+|page_fault_oops|no_context|bad_area\\w*|__bad_area\\w*|do_user_addr_fault|do_kern_addr_fault|handle_page_fault|invalid_op|page_fault|general_protection|nmi_\\w+|end_repeat_nmi|default_do_nmi|end_report',
    'kmemleak_\\w+|k[acm]san_\\w+|__k[acm]san_\\w+|__(?:hw)?asan_\\w+|__msan_\\w+|__tsan_\\w+|kmsan\\w+|kfence_\\w+|__kfence\\w+|check_memory_region\\w*|check_region_inline|ubsan_\\w+|__ubsan_\\w+|memory_is_\\w+|address_description|describe_\\w+|object_err|slab_err|slab_bug|slab_fix|slab_pad_check|check_(?:bytes_and_report|object|slab|pad_bytes)|free_debug_processing|alloc_debug_processing|__slab_free|slab_free\\w*|free_to_partial_list|get_from_\\w+',
    '__schedule\\w*|schedule\\w*|preempt_schedule\\w*|__cond_resched|io_schedule\\w*|wait_for_\\w+|__wait_\\w+|do_wait_for_common|__wait_for_common|wait_on_\\w+|bit_wait\\w*|out_of_line_wait\\w*|autoremove_wake_function|folio_wait_bit\\w*|percpu_ref_wait\\w*|synchronize_\\w+|__synchronize\\w+|context_switch|finish_task_switch|__switch_to',
    '__mutex_\\w+|mutex_\\w+|rt_mutex\\w+|__rt_mutex\\w+|ww_mutex\\w+|down|down_\\w+|__down\\w*|up_read|up_write|rwsem_\\w+|percpu_rwsem\\w*|percpu_down\\w*|__percpu_down\\w*|_raw_\\w*lock\\w*|__raw_\\w*lock\\w*|do_raw_\\w+|queued_\\w+lock\\w*|native_queued_\\w+|pv_queued\\w+|__pv_queued\\w+|spin_lock\\w*|spin_unlock\\w*|spin_bug|spin_dump|rwlock_bug|read_lock\\w*|write_lock\\w*|lock_\\w+|__lock_\\w+|lockdep_\\w+|check_(?:prev\\w*|deadlock|noncircular|irq_usage|wait_context|chain_key|usage\\w*|flush_dependency)|validate_chain|mark_(?:lock\\w*|usage|held_locks)|valid_state|assign_lock_key|register_lock_class|look_up_lock_class|reacquire_held_locks|debug_(?:object\\w*|print_object|check_no_\\w+|spin\\w*|mutex\\w*|check_no_locks\\w*)|__debug_\\w+|rcu_lock\\w*|__?rcu_read_\\w+|rcu_read_\\w+|___?might_\\w+|__might_\\w+|might_\\w+|check_preemption_disabled|debug_smp_processor_id|__this_cpu_preempt_check',
    'refcount_\\w+|__refcount_\\w+|kref_\\w+|list_\\w+|__list_\\w+|hlist_\\w+|__hlist\\w*|plist_\\w+|atomic\\w*|raw_atomic\\w*|arch_atomic\\w*|instrument_\\w+|_?test_\\w*bit\\w*|__?set_bit\\w*|clear_bit\\w*|arch_\\w*bit\\w*|mem(?:cpy|set|move|cmp|scan)\\w*|__mem(?:cpy|set|move|cmp)\\w*|str(?:n?cpy|n?len|n?cmp|chr|str|lcpy|scpy)\\w*|sized_strscpy\\w*|_{0,3}copy_(?:to|from)_\\w+|_copy_\\w+|fortify_\\w+|__fortify\\w+|usercopy_abort|check_object_size|__check_object_size|check_heap_object|__check_heap_object|__?virt_addr_valid|rep_(?:movs|stos)\\w*',
    'sysfs_warn_dup|sysfs_create_\\w+|sysfs_do_create\\w*|kobject_add\\w*|bad_page|free_page_is_bad\\w*|check_new_page\\w*|free_tail_page_prepare|free_pages_prepare|__free_pages_prepare|free_unref_\\w+|__free_pages\\w*|free_the_page|free_frozen_pages\\w*|__free_frozen_pages|free_pcppages_bulk|get_page_from_freelist|prep_new_page|rmqueue\\w*|__rmqueue\\w*|__alloc_(?:frozen_)?pages\\w*|check_free_page\\w*',
    '_?sched_show_task|rcu_(?:dump_cpu_stacks|check_gp\\w*|sched_clock_irq|pending|check_callbacks)|check_cpu_stall|print_cpu_stall|update_process_times|tick_\\w+|__hrtimer_\\w+|hrtimer_interrupt|local_apic_timer_interrupt|smp_apic_timer\\w*|apic_timer_interrupt|watchdog\\w*|check_hung\\w*|irq_exit\\w*|__irq_exit\\w*|__do_softirq|handle_softirqs|do_softirq\\w*|invoke_softirq|rcu_do_batch|rcu_core\\w*|trigger_\\w*backtrace\\w*|arch_trigger\\w*|csd_lock_\\w+|smp_call_function\\w*|on_each_cpu\\w*|native_(?:safe_)?halt|default_idle\\w*|arch_cpu_idle|acpi_(?:safe_halt|idle\\w*)|cpuidle\\w*|do_idle|cpu_startup_entry|pv_native_safe_halt|__sanitizer_\\w+|write_comp_data|bug_get_file_line|unwind_\\w+|stack_trace_\\w+|save_stack\\w*|stack_depot\\w*|set_track\\w*|___?slab_alloc|kmem_cache_(?:alloc|free)\\w*|__kmem_cache_(?:alloc|free)\\w*|kmalloc(?:_\\w*(?:noprof|node|trace|large|reserve|cache)\\w*)?|__kmalloc\\w*|kzalloc(?:_noprof)?|kfree|kfree_sensitive|krealloc(?:_noprof)?|kvfree|kvmalloc(?:_node)?(?:_noprof)?|__kvmalloc\\w*|slab_(?:alloc|post)\\w*|__do_kmalloc\\w*',
    'ret_from_fork\\w*|kthread|worker_thread|process_one_work|process_scheduled_works|do_syscall_\\w+|__do_fast_syscall\\w*|do_fast_syscall\\w*|do_int80\\w*|entry_\\w+|x64_sys_call|syscall_\\w+|secondary_startup\\w*|start_secondary|invoke_syscall\\w*|el0\\w*|do_el0\\w*',
  ].join('|')})$`,
);

/** Whether naming this function would say nothing about where the fault is. */
export function isGeneric(name: string): boolean {
  return generic.test(name);
}

/** The first function of the first trace that is not generic. */
export function guiltyOf(lines: readonly string[]): string | undefined {
  let seen = 0;
  for (const text of lines) {
    const name = frameOf(text);
    if (name === undefined || name === '') continue;
    seen++;
    if (!isGeneric(name)) return name;
    if (seen > 200) break;
  }
  return undefined;
}
