/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before everything else in each file of the simulator and of the
 * explorer (-include).  The shipped chips and forwards, compiled again with
 * small bounds since a state is copied for each step, get names of their own:
 * both builds can stand in one program.  test/check_sim_names.sh finds a name
 * that is missing here.
 */
#ifndef SIM_BOUNDS_H
#define SIM_BOUNDS_H

#define IOAPIC_PINS_MAX	2
#define IOAPIC_PINS_8_BIT	1
#define FORWARDS_MAX	2
#define OUTBOX_MAX	7
#define OUTBOX_ROOM	4

#define drain_effects sim_drain_effects
#define forward_acked sim_forward_acked
#define forward_cut sim_forward_cut
#define forward_drained sim_forward_drained
#define forward_flushed sim_forward_flushed
#define forward_init sim_forward_init
#define forward_joined sim_forward_joined
#define forward_masked sim_forward_masked
#define forward_sampled sim_forward_sampled
#define forward_storms sim_forward_storms
#define forward_throttle_us sim_forward_throttle_us
#define forward_timed_out sim_forward_timed_out
#define forward_triggered sim_forward_triggered
#define forward_unmasked sim_forward_unmasked
#define forwarder_add sim_forwarder_add
#define forwarder_cut sim_forwarder_cut
#define forwarder_drained sim_forwarder_drained
#define forwarder_eoi sim_forwarder_eoi
#define forwarder_init sim_forwarder_init
#define forwarder_pulse sim_forwarder_pulse
#define forwarder_read sim_forwarder_read
#define forwarder_remove sim_forwarder_remove
#define forwarder_reset sim_forwarder_reset
#define forwarder_sampled sim_forwarder_sampled
#define forwarder_set_line sim_forwarder_set_line
#define forwarder_takes sim_forwarder_takes
#define forwarder_timeout sim_forwarder_timeout
#define forwarder_trigger sim_forwarder_trigger
#define forwarder_write sim_forwarder_write
#define i8259_in_service sim_i8259_in_service
#define i8259_init sim_i8259_init
#define i8259_intack sim_i8259_intack
#define i8259_lower sim_i8259_lower
#define i8259_masked sim_i8259_masked
#define i8259_output sim_i8259_output
#define i8259_pulse sim_i8259_pulse
#define i8259_raise sim_i8259_raise
#define i8259_read sim_i8259_read
#define i8259_reset sim_i8259_reset
#define i8259_write sim_i8259_write
#define ioapic_eoi sim_ioapic_eoi
#define ioapic_init sim_ioapic_init
#define ioapic_lower sim_ioapic_lower
#define ioapic_pulse sim_ioapic_pulse
#define ioapic_raise sim_ioapic_raise
#define ioapic_read sim_ioapic_read
#define ioapic_reset sim_ioapic_reset
#define ioapic_settle sim_ioapic_settle
#define ioapic_write sim_ioapic_write
#define outbox_done sim_outbox_done
#define outbox_holds sim_outbox_holds
#define outbox_is_full sim_outbox_is_full
#define outbox_open sim_outbox_open
#define outbox_take sim_outbox_take
#define pic_forwarder_add sim_pic_forwarder_add
#define pic_forwarder_cut sim_pic_forwarder_cut
#define pic_forwarder_drained sim_pic_forwarder_drained
#define pic_forwarder_init sim_pic_forwarder_init
#define pic_forwarder_intack sim_pic_forwarder_intack
#define pic_forwarder_output sim_pic_forwarder_output
#define pic_forwarder_pulse sim_pic_forwarder_pulse
#define pic_forwarder_read sim_pic_forwarder_read
#define pic_forwarder_remove sim_pic_forwarder_remove
#define pic_forwarder_reset sim_pic_forwarder_reset
#define pic_forwarder_sampled sim_pic_forwarder_sampled
#define pic_forwarder_set_line sim_pic_forwarder_set_line
#define pic_forwarder_timeout sim_pic_forwarder_timeout
#define pic_forwarder_trigger sim_pic_forwarder_trigger
#define pic_forwarder_write sim_pic_forwarder_write
#define slots_count sim_slots_count
#define slots_cut sim_slots_cut
#define slots_free sim_slots_free
#define slots_next_source sim_slots_next_source
#define slots_pulse_line sim_slots_pulse_line
#define slots_remove sim_slots_remove
#define slots_sampled sim_slots_sampled
#define slots_set_line sim_slots_set_line
#define slots_take sim_slots_take
#define slots_take_level sim_slots_take_level
#define slots_timed_out sim_slots_timed_out
#define slots_triggered sim_slots_triggered

#endif
