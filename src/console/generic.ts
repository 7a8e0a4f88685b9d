// Functions that only carry the message: what reports, checks, locks, waits, copies, or enters the kernel. A report is
// named by the first function that is none of them.

/** Regular expressions for whole names, a blank between two. */
const families = [
  // reporting
  String.raw`
    dump_(?:stack|backtrace)(?:_lvl|_print_info)? __dump_stack show_(?:stack|regs|trace)\w* print_\w+ __?warn\w*
    warn_slowpath\w* report_bug handle_bug fixup_bug\w* v?panic nmi_panic check_panic_on_warn die die_\w+ oops_\w+
    __die\w* bug_\w*handler call_break_hook do_debug_exception brk_handler early_brk64 early_idt_handler\w* early_fixup_exception el1\w* __el1\w* do_mem_abort
    do_sp_pc_abort do_translation_fault do_bad_area __do_kernel_fault do_page_fault __do_page_fault do_trap\w*
    do_error_trap do_DataAbort do_PrefetchAbort do_undefinstr __(?:dabt|pabt|und|irq|fiq)_\w+ do_invalid_op do_general_protection do_divide_error do_int3 math_error exc_\w+ asm_exc_\w+
    asm_sysvec_\w+ sysvec_\w+ __sysvec\w+ page_fault_oops no_context mm_fault_error bad_area\w* __bad_area\w*
    bad_page_fault do_user_addr_fault do_kern_addr_fault spurious_kernel_fault\w* handle_page_fault invalid_op
    error_entry divide_error async_page_fault page_fault general_protection program_check_exception
    data_access_exception handle_exception do_bus_error unhandled_exception nmi nmi_\w+ end_repeat_nmi
    default_do_nmi do_nmi end_report __report_bad_irq note_interrupt _?printk\w* v?printk_\w+ v?s[cn]?n?printf
    vprintk\w* number string string_nocheck pointer hex_dump_to_buffer console_(?:unlock|flush\w*|emit\w*)
    msg_(?:print|add)\w* print_prefix record_print\w* call_console_drivers
    skb_(?:over_panic|under_panic|panic) asfail ass(?:ert)?fail ex_handler_\w+ fixup_exception ksys_warn unwind_\w+
    arm64_serror\w* arm64_is_fatal_ras_serror do_serror bad_mode
    stack_trace_\w+ save_stack\w* save_trace stack_depot\w* arch_stack_walk walk_stackframe`,
  // sanitizers and slab checks
  String.raw`
    kmemleak_\w+ (?:__)?create_object k[acm]san_\w+ __k[acm]san_\w+ ____kasan\w* poison_\w*redzone __(?:hw)?asan_\w+ __msan_\w+
    __tsan_\w+ kmsan\w+ kfence_\w+ __kfence\w+ check_memory_region\w* check_region_inline check_access ubsan_\w+
    __ubsan_\w+ handle_overflow val_to_string memory_is_\w+ address_description describe_\w+ object_err slab_err
    slab_bug slab_fix slab_pad_check check_(?:bytes_and_report|object|slab|pad_bytes) free_consistency_checks
    alloc_consistency_checks free_debug_processing alloc_debug_processing verify_redzone_free
    cache_(?:free|alloc)_debugcheck\w* __slab_error slab_error __slab_free slab_free\w* free_to_partial_list
    get_from_\w+ do_slab_free quarantine_\w+ qlist_free_all ___?cache_(?:free|alloc) __cache_free\w* kcsan_\w+
    report_(?:race|corruption)\w* __sanitizer_\w+ write_comp_data`,
  // scheduling and waiting
  String.raw`
    __schedule\w* schedule schedule_(?!work)\w+ preempt_schedule\w* ___?cond_resched _cond_resched io_schedule\w*
    wait_for_(?:common|completion)\w* __wait_(?:on|for|rcu)\w* do_wait_for_common wait_on_(?:bit|page)\w*
    wait_event\w* bit_wait\w* __?(?:folio_)?lock_page\w* __folio_lock\w* usleep_range\w* msleep\w* ssleep fsleep out_of_line_wait\w* autoremove_wake_function folio_wait_bit\w* percpu_ref_wait\w*
    synchronize_\w+ __synchronize\w+ context_switch finish_task_switch __switch_to\w* schedule_debug
    prepare_task_switch stop_machine_yield rcu_momentary_\w+`,
  // locks
  String.raw`
    __mutex_\w+ mutex_\w+ rt_mutex\w+ __rt_mutex\w+ ww_mutex\w+ down down_\w+ __down\w* up up_read up_write
    rwsem_\w+ percpu_rwsem\w* percpu_down\w* __percpu_down\w* _?_?_?raw_\w*lock\w* do_raw_\w+ queued_\w+lock\w*
    native_queued_\w+ pv_queued\w+ __pv_queued\w+ pv_wait\w* kvm_wait spin_lock\w* spin_unlock\w* spin_bug spin_dump
    rwlock_bug read_lock\w* write_lock\w* read_unlock\w* write_unlock\w*
    __lock_(?:acquire|release|page_maybe_drop_mmap)\w*
    lock_(?:acquire|acquired|release|contended|downgrade|is_held\w*|pin_lock|unpin_lock|set_class|set_subclass|map_acquire|map_release)
    lockdep_\w+
    check_(?:prev\w*|deadlock|noncircular|irq_usage|wait_context|chain_key|usage\w*|flush_dependency|wait_at\w*)
    validate_chain mark_(?:lock\w*|usage|held_locks) valid_state assign_lock_key register_lock_class
    look_up_lock_class reacquire_held_locks add_lock_to_list
    debug_(?:object\w*|print_object|check_no_\w+|spin\w*|mutex\w*|rt_mutex\w*|check_no_locks\w*) __debug_\w+
    rcu_lock\w* __?rcu_read_\w+ rcu_read_\w+ srcu_read_\w+ ___?might_\w+ __might_\w+ might_\w+ __cant_\w+
    check_preemption_disabled debug_smp_processor_id __this_cpu_preempt_check seqcount_lockdep\w* local_lock\w*
    arch_local_\w+ _?_?local_(?:irq|bh)_\w+ trace_(?:hard|soft)irqs_\w+`,
  // small helpers of lib/
  String.raw`
    refcount_\w+ __refcount_\w+ kref_\w+ list_(?!lru)\w+ __list_\w+ hlist_\w+ __hlist\w* plist_\w+ llist_\w+
    rb_(?:insert|erase|next|first|last|prev|set)\w* __rb_\w+ atomic(?!_open)\w* raw_atomic\w* arch_atomic\w*
    instrument_\w+ variable_\w*test\w*bit constant_test_bit const_test_bit _?_?test_\w*bit\w* __?set_bit\w* set_bit
    clear_bit\w* __clear_bit\w* arch_\w*bit\w* mem(?:cpy|set|move|cmp|scan|chr)\w* __mem(?:cpy|set|move|cmp)\w*
    __pi_\w+ str(?:n?cpy|n?len|n?cmp|n?casecmp|chr|rchr|str|lcpy|scpy|cat|lcat)\w* sized_strscpy\w*
    _{0,3}copy_(?:to|from|user)_\w+ _copy_\w+ __arch_copy_\w+ raw_copy_\w+ fortify_\w+ __fortify\w+ usercopy_abort
    check_object_size __check_object_size check_heap_object __check_heap_object report_usercopy __?virt_addr_valid
    srso_\w+ retbleed_\w+ \w+_return_thunk __x86_\w*thunk\w* __pfx_\w+ __?(?:const_)?udelay __delay delay_(?:tsc|loop|halt)\w* rep_(?:movs|stos)\w* __(?:read|write)_once\w* __fprop_\w+ percpu_counter_\w+ clear_page_\w+ __virt_to_phys\w*`,
  String.raw`
    sysfs_(?:warn_dup|pathname) sysfs_create_\w+ sysfs_add_\w+ sysfs_do_create\w* kobject_(?:add|init|set_name)\w* bad_page
    free_page_is_bad\w* check_new_page\w* free_tail_page_prepare free_pages_prepare __free_pages_prepare
    free_pages_check\w* page_frag_free free_unref_\w+ free_hot_cold_page\w* free_frozen_page_commit ___free_pages free_pages
    __free_pages\w* __free_page_frag free_the_page free_frozen_pages\w* __free_frozen_pages free_pcppages_bulk
    get_page_from_freelist prep_new_page rmqueue\w* __rmqueue\w* __alloc_(?:frozen_)?pages\w* alloc_pages\w*
    check_free_page\w* ___?slab_alloc kmem_cache_(?:alloc|free|zalloc)\w* __kmem_cache_(?:alloc|free)\w*
    kmalloc(?:_\w*(?:noprof|node|trace|large|reserve|cache|order|slab)\w*)? __kmalloc\w* __do_kmalloc\w*
    kzalloc(?:_noprof)? kcalloc kfree kfree_sensitive kzfree krealloc(?:_noprof)? kvfree
    k?v?memdup\w* mem_?dup_user\w* strndup_user kstrn?dup\w* kv?asprintf\w* __?build_skb\w* __?alloc_skb\w*
    __?netdev_alloc_(?:skb|frag)\w* __?napi_(?:alloc|build)_skb\w* kvmalloc(?:_node)?(?:_noprof)? kvzalloc __kvmalloc\w* slab_(?:alloc|post)\w*`,
  // ticks, stalls, idling, cross calls
  String.raw`
    _?sched_show_task
    rcu_(?:dump_cpu_stacks|check_gp\w*|sched_clock_irq|pending|check_callbacks|do_batch|core\w*|is_watching|process_callbacks)
    __rcu_pending check_cpu_stall print_cpu_stall update_process_times tick_\w+ __?hrtimer_\w+ hrtimer_interrupt
    local_apic_timer_interrupt smp_apic_timer\w* apic_timer_interrupt timer_interrupt arch_timer_handler\w*
    watchdog(?:_(?:timer_fn|overflow_callback|hardlockup_check|check\w*|fn))? __?perf_event_overflow
    perf_swevent_hrtimer intel_pmu_handle_irq is_softlockup check_hung\w* irq_exit\w* __irq_exit\w* ____?do_softirq
    __do_softirq handle_softirqs do_softirq\w* invoke_softirq trigger_\w*backtrace\w* arch_trigger\w* csd_lock_\w+
    __csd_lock_\w+ generic_exec_single smp_call_function\w* on_each_cpu\w* native_(?:safe_)?halt pv_native_safe_halt
    default_idle\w* arch_cpu_idle arch_safe_halt mwait_idle\w* acpi_(?:safe_halt|idle\w*) intel_idle\w* cpuidle\w*
    do_idle cpu_startup_entry cpu_idle_loop`,
  // ways in
  String.raw`
    kernel_thread_helper child_rip ret_from_(?:fork|exception|kernel_thread|intr)\w* kthread worker_thread process_one_work process_scheduled_works
    do_syscall_\w+ __do_fast_syscall\w* do_fast_syscall\w* do_int80\w* entry_\w+ x64_sys_call syscall_\w+
    system_call\w* secondary_startup\w* start_secondary invoke_syscall\w* el0\w* __?el0\w* do_el0\w*
    call_on_(?:irq_)?stack handle_domain_irq do_interrupt_handler`,
];
const generic = new RegExp(`^(?:${families.join(' ').trim().split(/\s+/).join('|')})$`);

/** Whether naming this function would say nothing about where the fault is. */
export function isGeneric(name: string): boolean {
  return generic.test(name);
}
